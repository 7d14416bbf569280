"""Where the bytes of an image are: named pieces of a directory or of an archive, read by position.

Everything is read with ``pread`` on open descriptors: layers can be read by several threads at once, and no path is
looked up twice. Inside a layout directory no symbolic link is followed and nothing but a regular file is opened, so
that a layout cannot make its reader look elsewhere or wait for a pipe.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from image_harness.image.errors import ImageError, printable
from image_harness.image.manifest import Descriptor
from image_harness.types import Digest


class Handle:
    """An open file descriptor.

    A closed one is -1 ever after: numbers are used again, and a late reader must not be given another file's bytes.

    Args:
        number: The descriptor.
    """

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        number, self.number = self.number, -1
        if number >= 0:
            os.close(number)

    def wait(self, end: int) -> None:
        """Return once the file is complete up to a position: at once, for a file that nobody is writing any more."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A run of bytes in an open file.

    Attributes:
        where: The file, and what in it, for messages.
        handle: The open file.
        offset: Where the bytes begin.
        size: How many there are.
    """

    where: str
    handle: Handle
    offset: int
    size: int

    def read(self, position: int, length: int) -> bytes:
        """Return up to so many bytes from a position; fewer only at the end.

        Raises:
            ImageError: The file cannot be read, or has become shorter.
        """
        wanted = min(length, self.size - position)
        self.handle.wait(self.offset + position + wanted)
        try:
            data = os.pread(self.handle.number, wanted, self.offset + position) if wanted > 0 else b""
        except OSError as error:
            reason = error.strerror if self.handle.number >= 0 else "the image is closed"
            raise ImageError(f"cannot be read: {reason}", where=self.where) from None
        if wanted > 0 and not data:
            raise ImageError(f"is cut off at byte {position}", where=self.where)
        return data

    def read_all(self, limit: int) -> bytes:
        """Return all bytes.

        Raises:
            ImageError: There are more than the limit, or the file cannot be read.
        """
        if self.size > limit:
            raise ImageError(f"has {self.size} bytes, more than {limit}", where=self.where)
        return self.read_exactly(0, self.size)

    def read_exactly(self, position: int, length: int) -> bytes:
        """Return so many bytes from a position.

        Raises:
            ImageError: The file cannot be read, or ends before that.
        """
        data = self.read(position, length)
        while len(data) < length:
            data += self.read(position + len(data), length - len(data))
        return data


class BlobSource(Protocol):
    """A place that holds an image's files under slash-separated names."""

    @property
    def where(self) -> str:
        """The path, for messages."""

    def find(self, name: str) -> Blob | None:
        """Return a file, or None where there is none of that name."""


def blob_name(digest: Digest) -> str:
    """Return where an OCI layout keeps a blob."""
    return f"blobs/sha256/{digest.hex}"


def find_blob(source: BlobSource, descriptor: Descriptor) -> Blob:
    """Return the blob of a descriptor, its size compared.

    Raises:
        ImageError: It is missing or has another size.
    """
    blob = source.find(blob_name(descriptor.digest))
    if blob is None:
        raise ImageError(f"the blob {descriptor.digest} is missing", where=source.where)
    if blob.size != descriptor.size:
        raise ImageError(f"has {blob.size} bytes, its descriptor says {descriptor.size}", where=blob.where)
    return blob


def read_document(source: BlobSource, descriptor: Descriptor, limit: int) -> tuple[bytes, str]:
    """Return a small blob as a whole, its size and digest compared, and where it is.

    Raises:
        ImageError: It is missing, too large, or is not what its descriptor says.
    """
    blob = find_blob(source, descriptor)
    data = blob.read_all(limit)
    found = hashlib.sha256(data).hexdigest()
    if found != descriptor.digest.hex:
        raise ImageError(f"the content's digest is sha256:{found}, not {descriptor.digest}", where=blob.where)
    return data, blob.where


class DirectorySource:
    """An OCI layout in a directory.

    Args:
        path: The directory; it may itself be reached through symbolic links.
        files: Closes what the source opens.
    """

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._opened = files
        self.where = printable(str(path))
        self._files: dict[str, Blob | None] = {}
        try:
            self._root = Handle(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError as error:
            raise ImageError(f"no OCI layout: {error.strerror}", where=self.where) from None
        files.callback(self._root.close)

    def find(self, name: str) -> Blob | None:
        """Return a regular file of the layout.

        Raises:
            ImageError: It, or a directory on the way, is a link or of another type, or cannot be opened.
        """
        if name not in self._files:
            self._files[name] = self._open(name)
        return self._files[name]

    def _open(self, name: str) -> Blob | None:
        where = f"{self.where}/{printable(name)}"
        directory = os.dup(self._root.number)
        try:
            *parents, last = PurePosixPath(name).parts
            for parent in parents:
                inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                os.close(directory)
                directory = inner
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(last, flags, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                reason = "it is reached through a symbolic link, or not through directories"
            raise ImageError(f"cannot be opened: {reason}", where=where) from None
        finally:
            os.close(directory)
        handle = Handle(descriptor)
        self._opened.callback(handle.close)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("is not a regular file", where=where)
        return Blob(where, handle, 0, status.st_size)
