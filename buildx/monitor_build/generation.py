"""The bases that the image has, or is to have: which Debian, which Python, under which names.

The Dockerfile is written for one generation, in the very lines that its design demands. Docker fills arguments into
some of them, but not into the exec forms of RUN, HEALTHCHECK and CMD; so the Dockerfile of another generation is
filled in here: wherever the Dockerfile names its generation's images or Python, that one's stand instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from monitor_build.errors import BuildError


@dataclass(frozen=True, slots=True)
class Generation:
    """What one generation of the image stands on.

    Args:
        name: As the command line has it.
        suite: Debian's name of the release.
        python: Python's version, major and minor.
        builder: The builder stage's base, as the Dockerfile spells it.
        runtime: The runtime stage's base, as the Dockerfile spells it.
        tag: What the image is called.
    """

    name: str
    suite: str
    python: str
    builder: str
    runtime: str
    tag: str


TODAY = Generation(
    "debian12",
    "bookworm",
    "3.11",
    "python:3.11-slim-bookworm",
    "gcr.io/distroless/python3-debian12:latest",
    "pickme/lucid-rdp-monitor:latest-arm64",
)
"""The one that the Dockerfile is written for."""

SUCCESSOR = Generation(
    "debian13",
    "trixie",
    "3.13",
    "python:3.13-slim-trixie",
    "gcr.io/distroless/python3-debian13:latest",
    "pickme/lucid-rdp-monitor:debian13-arm64",
)

GENERATIONS: Mapping[str, Generation] = MappingProxyType({one.name: one for one in (TODAY, SUCCESSOR)})


def filled_in(dockerfile: str, generation: Generation) -> str:
    """The text of the Dockerfile for a generation.

    Args:
        dockerfile: The Dockerfile as it is written.
        generation: What it is to stand on.

    Raises:
        BuildError: The Dockerfile does not name what would have to be replaced.
    """
    replaced = {
        TODAY.builder: generation.builder,
        TODAY.runtime: generation.runtime,
        f"PYTHON_VERSION={TODAY.python}": f"PYTHON_VERSION={generation.python}",
        f"python{TODAY.python}": f"python{generation.python}",
    }
    for words in replaced:
        if words not in dockerfile:
            raise BuildError(f"it does not name {words}", where="Dockerfile.monitor")
    pattern = re.compile("|".join(map(re.escape, replaced)))
    return pattern.sub(lambda found: replaced[found[0]], dockerfile)


def write_dockerfile(source: Path, generation: Generation, state: Path) -> Path:
    """The Dockerfile of a generation as a file, with what BuildKit reads beside it.

    Args:
        source: The Dockerfile as it is written.
        generation: What it is to stand on.
        state: Where what is filled in goes.

    Raises:
        BuildError: The Dockerfile does not name what would have to be replaced.
    """
    if generation == TODAY:
        return source
    folder = state / generation.name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = f"{source.name}.dockerignore"
    (folder / ignore).write_bytes(source.with_name(ignore).read_bytes())
    file = folder / source.name
    file.write_text(filled_in(source.read_text(encoding="utf-8"), generation), encoding="utf-8")
    return file
