"""Where a build goes: the engine, or a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monitor_build.errors import BuildError

ENGINE = "engine"
ARCHIVE = "oci-archive"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a build goes.

    Args:
        archive: The file that gets an OCI image layout; None: the engine gets the image.
    """

    archive: Path | None = None

    def __str__(self) -> str:
        return f"{ARCHIVE}:{self.archive}" if self.archive else ENGINE

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `engine` or `oci-archive:FILE`.

        Raises:
            ValueError: It is neither.
        """
        kind, _, file = text.partition(":")
        if text == ENGINE:
            return cls()
        if kind == ARCHIVE and file:
            return cls(Path(file))
        raise ValueError(f"{text!r} is neither {ENGINE!r} nor '{ARCHIVE}:FILE'")


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Gives a name beside a file; what is written there takes the file's place when the block ends well.

    Raises:
        BuildError: The folder is not there or cannot be written to.
    """
    if not os.access(file.parent, os.W_OK):
        raise BuildError(
            "its folder is not there or cannot be written to", where=str(file), fix="choose another --output"
        )
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        yield aside
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
