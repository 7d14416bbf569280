"""The compiled modules that an image does without, made on this machine.

An image whose Python files were unpacked and never run, as distroless images are, has them compiled anew at every
start. Under emulation that is half of a start's time. Compiling does not depend on the machine: what this one's Python
makes of a source, every Python of the same version can use (PEP 3147).
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import sys
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from image_harness.image.entries import Entry
from image_harness.image.filesystem import FileSystem

_CHECKED_HASH: Final = (0b11).to_bytes(4, "little")
_FOLDER: Final = "__pycache__"


def compiles_for(interpreter: str) -> bool:
    """Whether what this machine's Python compiles is of use to an interpreter, ``/usr/bin/python3.11`` for instance."""
    return PurePosixPath(interpreter).name == f"python{sys.version_info.major}.{sys.version_info.minor}"


def bytecode_archive(filesystem: FileSystem) -> bytes:
    """Return a tar archive of compiled modules, to be unpacked over the root of a container of the image.

    It holds one for each module that has none in the image. Each bears the hash of its source (PEP 552), which an
    interpreter compares before it uses it: whatever else is in the place of that source by then is compiled as ever.
    Interpreters of another version than this one's look for other names, and see none of it.

    Raises:
        ImageError: The image cannot be read.
    """
    archive = io.BytesIO()
    folders: set[PurePosixPath] = set()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for entry in _without_bytecode(filesystem):
            compiled = _compile(filesystem.read_bytes(entry), entry.path)
            if compiled is None:
                continue
            place = _place(entry.path)
            if place.parent not in folders:
                folders.add(place.parent)
                tar.addfile(_member(place.parent, tarfile.DIRTYPE, 0o755))
            member = _member(place, tarfile.REGTYPE, 0o644)
            member.size = len(compiled)
            tar.addfile(member, io.BytesIO(compiled))
    return archive.getvalue()


def _without_bytecode(filesystem: FileSystem) -> Iterator[Entry]:
    entries = [entry for entry in filesystem.walk() if entry.is_file]
    there = {entry.path for entry in entries}
    for entry in entries:
        if entry.path.endswith(".py") and str(_place(entry.path)) not in there:
            yield entry


def _place(path: str) -> PurePosixPath:
    """Where an interpreter of this one's version looks for what a source was compiled to (PEP 3147)."""
    source = PurePosixPath(path)
    return source.parent / _FOLDER / f"{source.stem}.{sys.implementation.cache_tag}.pyc"


def _compile(source: bytes, path: str) -> bytes | None:
    """A source as its interpreter would keep it, or None: what cannot be compiled is left for that one to refuse."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last for what is nested too deeply, too
        return None
    return importlib.util.MAGIC_NUMBER + _CHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)


def _member(place: PurePosixPath, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(str(place).lstrip("/"))
    member.type, member.mode = kind, mode
    return member
