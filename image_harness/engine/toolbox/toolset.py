"""A busybox that knows no other programs than the tools.

Busybox prefers its own programs to those on the PATH, and not only in its shell: ``env``, ``xargs``, ``find -exec`` and
``exec`` start them as well. A name that it does not know it looks up on the PATH, which is the image's.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from image_harness.engine.errors import EngineError
from image_harness.engine.toolbox.busybox import FIX, applets

# A byte that is in nobody's names, and sorts before all that are.
_MARK = "\x01"
# In how many parts busybox searches its table of names, by how many there are.
_PARTS = (8, 4)


@dataclass(frozen=True, slots=True)
class Toolset:
    """Where it is, and how it is called.

    Attributes:
        program: A file in memory, there as long as the context lasts.
        shell: The name of its shell, which nobody else calls so.
    """

    program: Path
    shell: str


@contextmanager
def toolset(busybox: Path, tools: Collection[str]) -> Iterator[Toolset]:
    """Make a copy of busybox that knows the tools and a shell of another name only.

    Raises:
        EngineError: It cannot be run, or its names are not where they are expected.
    """
    names = applets(busybox)
    others = rename(names, tools)
    try:
        content = replace(busybox.read_bytes(), names, others)
        shell = others[names.index("sh")]
    except ValueError as error:
        raise EngineError(f"this busybox cannot be reduced to tools ({error})", where=str(busybox), fix=FIX) from error
    descriptor = _in_memory(content)
    try:
        yield Toolset(Path(f"/proc/self/fd/{descriptor}"), shell)
    finally:
        os.close(descriptor)


def rename(names: Sequence[str], tools: Collection[str]) -> tuple[str, ...]:
    """The names with those that are no tools replaced by names that cannot be meant, in the same order."""
    renamed, tool = [], ""
    for name in names:
        if name in tools:
            tool = name
            renamed.append(name)
        else:
            common = next(at for at, (ours, theirs) in enumerate(zip_longest(name, tool)) if ours != theirs)
            renamed.append(name[: common + 1] + _MARK)
    return tuple(renamed)


def replace(program: bytes, names: Sequence[str], others: Sequence[str]) -> bytes:
    """A busybox with other names for its programs.

    Raises:
        ValueError: The names are not found in it, or the others need more room.
    """
    old, new = _table(names), _table(others)
    if len(new) > len(old):
        raise ValueError("the names would need more room")
    program = _replace_once(program, old, new.ljust(len(old), b"\0"))
    places = [(_places(names, parts), _places(others, parts)) for parts in _PARTS]
    found = [(before, after) for before, after in places if before in program]
    if len(found) != 1:
        raise ValueError("there is no one index of its names")
    return _replace_once(program, *found[0])


def _replace_once(program: bytes, old: bytes, new: bytes) -> bytes:
    if program.count(old) != 1:
        raise ValueError("its names are not found once")
    return program.replace(old, new)


def _table(names: Sequence[str]) -> bytes:
    # The first of them is "[" or a letter, which may be the end of another text.
    return "\0".join(("", *names, "")).encode()


def _places(names: Sequence[str], parts: int) -> bytes:
    """Where in the table each part but the first begins."""
    begins = [len(names) * part // parts for part in range(1, parts)]
    return struct.pack(f"<{len(begins)}H", *(len(_table(names[:begin])) - 1 for begin in begins))


def _in_memory(content: bytes) -> int:
    """A descriptor of a program that is in no folder; nobody may have it open for writing when it is run."""
    with os.fdopen(os.memfd_create("busybox"), "wb") as file:
        file.write(content)
        file.flush()
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
