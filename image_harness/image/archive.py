"""A tar archive that holds an image: ``docker save``, ``oci-archive:``, plain or compressed as a whole."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from image_harness.image.blobs import Blob, Handle
from image_harness.image.budget import Budget
from image_harness.image.compression import Compression, decompress
from image_harness.image.errors import ImageError, printable
from image_harness.image.limits import ARCHIVE_MEMBERS, KIB, SYMLINKS
from image_harness.image.spool import Spool
from image_harness.image.tar import TarMember, TarParser

_STEP: Final = 4096
_WORTH_READING_AHEAD: Final = 64 * KIB
_TAR_MARK: Final = b"ustar"
_TAR_MARK_OFFSET: Final = 257


class ArchiveSource:
    """An image archive. One pass over its headers finds the members; none is unpacked.

    Args:
        blob: The archive; one that still arrives is read as it comes.
        files: Closes what the source opens.
        read_ahead: Called with each member that looks like a layer, as soon as its first bytes are there.
    """

    def __init__(self, blob: Blob, files: ExitStack, read_ahead: Callable[[Blob], None] | None = None) -> None:
        self.where = blob.where
        self._files = files
        self._read_ahead = read_ahead
        self._members: dict[str, TarMember] = {}
        self._blob = blob
        if Compression.of(blob) is not Compression.NONE:
            self._blob = self._decompressed(blob)
        self._index()

    def find(self, name: str) -> Blob | None:
        """Return a member, following the archive's own links: old engines save equal layers as links to one another.

        Raises:
            ImageError: It is no file, or its links form a loop.
        """
        member = self._members.get(name)
        if member is None:
            return None
        for _ in range(SYMLINKS):
            if member.type == "0":
                return self._member_blob(name, member)
            target = member.link if member.type == "1" else posixpath.join(posixpath.dirname(member.name), member.link)
            if member.type not in ("1", "2") or (target := _normal(target)) not in self._members:
                raise ImageError("is neither a file nor a link to one", where=f"{self.where}:{printable(name)}")
            member = self._members[target]
        raise ImageError("is a loop of links", where=f"{self.where}:{printable(name)}")

    def _member_blob(self, name: str, member: TarMember) -> Blob:
        return Blob(f"{self.where}:{printable(name)}", self._blob.handle, member.offset, member.size)

    def _decompressed(self, blob: Blob) -> Blob:
        spool = Spool(self.where)
        self._files.callback(spool.close)
        budget = Budget(self.where)
        for piece in decompress(blob, lambda _: None):
            budget.charge_bytes(len(piece))
            spool.write(piece)
        return spool.blob()

    def _index(self) -> None:
        parser = TarParser(self.where, self._add, Budget(self.where).charge_metadata)
        position = 0
        while position < self._blob.size and not parser.ended:
            data = self._blob.read(position, _STEP)
            parser.feed(data)
            position += len(data) + parser.jump()
        if position > self._blob.size and not parser.ended:
            raise ImageError("the archive is cut off", where=self.where)
        parser.close()

    def _add(self, member: TarMember) -> None:
        name = _normal(member.name)
        if member.type == "5":
            return
        if member.segments is not None:
            raise ImageError(f"{printable(name)} is stored as a sparse file", where=self.where)
        if name in self._members:
            raise ImageError(f"{printable(name)} is there twice", where=self.where)
        if len(self._members) >= ARCHIVE_MEMBERS:
            raise ImageError(f"has more than {ARCHIVE_MEMBERS} members", where=self.where)
        self._members[name] = member = member._replace(name=name)
        if self._read_ahead is not None and member.type == "0" and member.size >= _WORTH_READING_AHEAD:
            blob = self._member_blob(name, member)
            if _looks_like_a_layer(blob):
                self._read_ahead(blob)


def _normal(name: str) -> str:
    """Return a member's name without ``.`` and ``..``, which cannot lead out of the archive."""
    return posixpath.normpath(f"/{name}").lstrip("/")


def _looks_like_a_layer(blob: Blob) -> bool:
    is_tar = blob.read_exactly(_TAR_MARK_OFFSET, len(_TAR_MARK)) == _TAR_MARK
    return is_tar or Compression.of(blob) is not Compression.NONE


def open_archive(path: Path, files: ExitStack) -> Blob:
    """Open an archive file, which ``files`` closes.

    Raises:
        ImageError: It cannot be opened or is no regular file.
    """
    where = printable(str(path))
    try:
        # A pipe must not make the reader wait.
        handle = Handle(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        raise ImageError(f"no image archive: {error.strerror}", where=where) from None
    files.callback(handle.close)
    status = os.fstat(handle.number)
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("no image archive: it is not a regular file", where=where)
    return Blob(where, handle, 0, status.st_size)
