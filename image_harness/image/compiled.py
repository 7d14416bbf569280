"""The compiled modules of an image, and the sources that they were compiled from (PEP 3147, PEP 552).

An interpreter that finds one runs it, and never looks at the source's text. No list of files has a digest of one: what
``pip`` compiles itself it notes in RECORD without.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from image_harness.image.entries import Entry
from image_harness.image.filesystem import FileSystem

_CACHED: Final = re.compile(r"(?P<folder>.*/)__pycache__/(?P<stem>[^./]+)\.(?P<tag>[^./]+)(?:\.opt-[A-Za-z0-9]+)?\.pyc")
#: Magic number, flags, and what these say is next: the source's time and size, or its hash.
_HEADER: Final = struct.Struct("<4sIII")
_NO_FLAGS: Final = 0
_32_BITS: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class CompiledModule:
    """One compiled module.

    Attributes:
        path: Where it is.
        tag: Which interpreter looks for it there, ``cpython-311`` for instance; None where all do, whether there is a
            source or not.
        source: Where the interpreter looks for its source; None where it does without.
        current: Whether it bears the time and the size of that source, or a hash, which only an interpreter can judge:
            any other is compiled anew at every start.
    """

    path: str
    tag: str | None
    source: str | None
    current: bool


def compiled_modules(fs: FileSystem) -> tuple[CompiledModule, ...]:
    """Return the compiled modules of an image wherever they are, by path.

    Raises:
        ImageError: The image cannot be read.
    """
    return fs.once_of_all(compiled_modules.__name__, lambda: tuple(_modules(fs)))


def _modules(fs: FileSystem) -> Iterator[CompiledModule]:
    entries = {entry.path: entry for entry in fs.walk()}
    for path, entry in entries.items():
        if path.endswith(".pyc") and not entry.is_directory:
            cached = _CACHED.fullmatch(path)
            source = entries.get(f"{cached['folder']}{cached['stem']}.py") if cached else None
            tag = cached["tag"] if cached else None
            if source is None or not source.is_file:
                yield CompiledModule(path, tag, None, current=False)
            else:
                yield CompiledModule(path, tag, source.path, current=_is_current(fs, entry, source))


def _is_current(fs: FileSystem, entry: Entry, source: Entry) -> bool:
    header = fs.once(entry, _is_current.__name__, lambda: fs.read_at(entry, 0, _HEADER.size)) if entry.is_file else b""
    if len(header) != _HEADER.size:
        return False
    _, flags, mtime, size = _HEADER.unpack(header)
    seconds = source.mtime_ns // 10**9
    return flags != _NO_FLAGS or (mtime, size) == (seconds & _32_BITS, source.size & _32_BITS)
