"""What a Dockerfile says, as the Dockerfile reference defines it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

_TARGETS: Final = ("target", "dst", "destination")


@dataclass(frozen=True, slots=True)
class BuildArgument:
    """An ARG.

    Attributes:
        name: Its name.
        default: Its default value, or None when it has none.
        line: Where it is declared.
    """

    name: str
    default: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, continuation lines joined and comments between them left out.

    Attributes:
        keyword: In capitals.
        flags: Name and value of each ``--name=value``, in order; a flag without a value has "".
        text: What follows the flags, as written.
        line: Its first line, from 1.
        exec_form: The words of the JSON form, or None for the shell form.
        documents: The contents of its here-documents.
    """

    keyword: str
    flags: tuple[tuple[str, str], ...]
    text: str
    line: int
    exec_form: tuple[str, ...] | None = None
    documents: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        """Return the last value of a flag, or None when it is not given."""
        values = self.flag_values(name)
        return values[-1] if values else None

    def flag_values(self, name: str) -> tuple[str, ...]:
        """Return every value of a flag that may be repeated, such as ``mount``."""
        return tuple(value for key, value in self.flags if key == name)

    def mounts_over(self, path: str) -> bool:
        """Tell whether a ``--mount`` may stand in for a path, or for a part of it.

        Nobody knows where a relative target leads, or one with a variable.
        """
        fields = [field.partition("=") for mount in self.flag_values("mount") for field in mount.split(",")]
        return any(_meets(target, path) for key, _, target in fields if key.lower() in _TARGETS)

    def __repr__(self) -> str:
        flags = "".join(f" --{name}={value}" for name, value in self.flags)
        return f"<line {self.line}: {self.keyword}{flags} {self.text}>"


def _meets(target: str, path: str) -> bool:
    """Tell whether a target is a path, above it or below it."""
    if not target.startswith("/") or "$" in target:
        return True
    mounted, wanted = PurePosixPath(posixpath.normpath(target)), PurePosixPath(path)
    return mounted.is_relative_to(wanted) or wanted.is_relative_to(mounted)


@dataclass(frozen=True, slots=True)
class Stage:
    """A build stage: everything from one FROM to the next.

    Attributes:
        base: The image or stage that it starts from, as written.
        name: What AS calls it, or None.
        platform: The value of --platform, as written, or None.
        instructions: What follows FROM.
        line: Where FROM stands.
    """

    base: str
    name: str | None
    platform: str | None
    instructions: tuple[Instruction, ...]
    line: int

    def all(self, keyword: str) -> tuple[Instruction, ...]:
        """Return the stage's instructions of one kind, in order."""
        return tuple(instruction for instruction in self.instructions if instruction.keyword == keyword)

    def last(self, keyword: str) -> Instruction | None:
        """Return the one that counts where a later instruction replaces an earlier one."""
        found = self.all(keyword)
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A whole Dockerfile.

    Attributes:
        path: Where it was read from.
        directives: Parser directives, such as ``syntax``.
        arguments: The ARGs before the first FROM; visible in FROM lines alone.
        stages: The build stages, in order.
    """

    path: Path
    directives: Mapping[str, str]
    arguments: tuple[BuildArgument, ...]
    stages: tuple[Stage, ...]

    def stage(self, name: str) -> Stage | None:
        """Return the stage that AS calls by a name."""
        return next((stage for stage in self.stages if stage.name == name), None)

    @property
    def final(self) -> Stage:
        """The last stage: what the image is made of."""
        return self.stages[-1]
