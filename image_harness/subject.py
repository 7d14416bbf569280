"""What a repository tells the harness about itself: which design, which sources, which checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Subject:
    """The image under test as its repository knows it; a ``conftest.py`` returns one.

    Attributes:
        root: The repository's root, which relative paths are under.
        design: The design file.
        checks: The folder of the checks. When the whole of it is collected, every requirement must have a check.
        dockerfile: The Dockerfile that source evidence is read from, or None when there is none.
        build: The command (without options) that builds the image, or None when the repository builds none. Its
            contract: ``--is-stale`` exits 0 when a build is needed, 1 when the image in the engine is up to date, and
            says so on stdout; without it, the image is built.
        mutants: The folder of the modules that describe mutants, or None when there are none.
    """

    root: Path
    design: Path
    checks: Path
    dockerfile: Path | None = None
    build: tuple[str, ...] | None = None
    mutants: Path | None = None
