"""A root file system that is put together in memory and written as one reproducible tar."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from monitor_build.errors import BuildError


@dataclass(frozen=True, slots=True)
class _Entry:
    header: tarfile.TarInfo
    content: bytes | None


class RootFilesystem:
    """Files by path; what comes later takes the place of what came earlier, a directory stays the first one's.

    Args:
        clock: The modification time of everything that no package brings.
    """

    def __init__(self, clock: datetime) -> None:
        self._clock = int(clock.timestamp())
        self._entries: dict[str, _Entry] = {}

    def __contains__(self, path: str) -> bool:
        return _name(path) in self._entries

    def paths(self) -> Iterator[str]:
        """Every path, absolute."""
        return (f"/{name}" for name in self._entries)

    def read(self, path: str) -> bytes:
        """A regular file's content.

        Raises:
            BuildError: There is no such file.
        """
        entry = self._entries.get(_name(path))
        if entry is None or entry.content is None:
            raise BuildError("no such file among the unpacked packages", where=path)
        return entry.content

    def unpack(self, archive: tarfile.TarFile, *, below: str = "/") -> None:
        """Takes in the entries of a package's data archive with their own mode, owner and time.

        Args:
            archive: Read once from front to back.
            below: Only this folder and what is in it.

        Raises:
            BuildError: A file is in the way of a directory or the other way round.
        """
        top = _name(below)
        for member in archive:
            if top and not f"{_name(member.name)}/".startswith(f"{top}/"):
                continue
            stream = archive.extractfile(member) if member.isreg() else None
            self._put(member.name, member, stream.read() if stream else None)

    def directory(self, path: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Makes a directory, or sets mode and owner of the one that is there."""
        header = self._header(path, tarfile.DIRTYPE, mode, uid, gid)
        self._entries.pop(_name(path), None)
        self._put(path, header, None)

    def file(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Writes a file of root's, with the directories above it."""
        self._put(path, self._header(path, tarfile.REGTYPE, mode), content)

    def link(self, path: str, target: str) -> None:
        """Makes a symbolic link."""
        header = self._header(path, tarfile.SYMTYPE, 0o777)
        header.linkname = target
        self._put(path, header, None)

    def write(self, destination: Path) -> None:
        """Writes everything as a PAX tar: by path, hard links last (after what they point to), owners as numbers."""
        order = sorted(self._entries.items(), key=lambda item: (item[1].header.islnk(), item[0]))
        with tarfile.open(destination, "w", format=tarfile.PAX_FORMAT) as out:
            for name, entry in order:
                header = entry.header
                header.name = name
                header.uname = header.gname = ""
                header.pax_headers = {}
                header.mtime = int(header.mtime)
                header.size = len(entry.content or b"")
                out.addfile(header, io.BytesIO(entry.content) if entry.content is not None else None)

    def _header(self, path: str, kind: bytes, mode: int, uid: int = 0, gid: int = 0) -> tarfile.TarInfo:
        header = tarfile.TarInfo(_name(path))
        header.type, header.mode, header.mtime, header.uid, header.gid = kind, mode, self._clock, uid, gid
        return header

    def _put(self, path: str, header: tarfile.TarInfo, content: bytes | None) -> None:
        name = _name(path)
        if not name:
            return  # the root itself is the container's
        there = self._entries.get(name)
        if there is not None and there.header.isdir() and header.isdir():
            return
        if there is not None and there.header.isdir() != header.isdir():
            raise BuildError("a package has a file where another has a directory", where=f"/{name}")
        self._make_parents(name)
        if header.islnk():
            header.linkname = _name(header.linkname)
        self._entries[name] = _Entry(header, content)

    def _make_parents(self, name: str) -> None:
        for parent in reversed(PurePosixPath(name).parents[:-1]):
            above = str(parent)
            if above not in self._entries:
                self._entries[above] = _Entry(self._header(above, tarfile.DIRTYPE, 0o755), None)


def _name(path: str) -> str:
    name = path.removeprefix("./").strip("/")
    return "" if name == "." else name
