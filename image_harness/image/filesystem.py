"""The merged file system of an image: asked by path, read on demand, never unpacked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, TypeVar

from image_harness.image.entries import DeletedEntry, Entry, OverwrittenEntry
from image_harness.image.errors import ImageError, printable
from image_harness.image.limits import CONTENT_BYTES, MIB
from image_harness.image.tree import Directory, Node, NoDirectoryError, PathError, find, split

_STEP: Final = MIB

T = TypeVar("T")
Derived = dict[Hashable, Any]


class FileSystem:
    """What a container of the image would see, before anything runs in it.

    Paths are absolute, with slashes; a relative one is taken from the root. Symbolic links are resolved inside the
    image. Reading never touches the host's file system.

    Args:
        root: The merged tree.
        deleted: What later layers took away.
        overwritten: What later layers replaced.
        where: The image, for messages.
        derived: What is known already of contents; shared by file systems that share layers.
    """

    def __init__(
        self,
        root: Directory,
        deleted: tuple[DeletedEntry, ...],
        overwritten: tuple[OverwrittenEntry, ...],
        where: str,
        derived: Derived | None = None,
    ) -> None:
        self._root = root
        self._where = where
        self.derived: Derived = {} if derived is None else derived
        self.deleted = deleted
        self.overwritten = overwritten
        self._of_all: Derived = {}

    def entry(self, path: str, *, follow: bool = True) -> Entry | None:
        """Return what is at a path, or None.

        Args:
            path: Where to look.
            follow: Whether a symbolic link at the path itself is followed.

        Raises:
            ImageError: Symbolic links lead round in a circle.
        """
        node = self._find(path, follow=follow)
        return None if node is None else node.entry

    def exists(self, path: str) -> bool:
        """Whether there is something at a path; False for a symbolic link that leads nowhere.

        Raises:
            ImageError: Symbolic links lead round in a circle.
        """
        return self._find(path, follow=True) is not None

    def resolve(self, path: str) -> str:
        """Return the path that all symbolic links lead to.

        Raises:
            ImageError: There is nothing, or the links lead round in a circle.
        """
        return self._existing(path).entry.path

    def children(self, path: str) -> tuple[Entry, ...]:
        """Return what is in a directory, by name.

        Raises:
            ImageError: There is no such directory.
        """
        node = self._existing(path)
        if not isinstance(node, Directory):
            raise self._error(path, "is no directory")
        return tuple(node.children[name].entry for name in sorted(node.children))

    def walk(self, top: str = "/") -> Iterator[Entry]:
        """Yield what is at a path and everything below it, sorted by name, each directory before its content.

        Symbolic links below the path are not followed.

        Raises:
            ImageError: There is nothing at the path.
        """
        pending = [self._existing(top)]
        while pending:
            node = pending.pop()
            yield node.entry
            if isinstance(node, Directory):
                pending.extend(node.children[name] for name in sorted(node.children, reverse=True))

    def read_bytes(self, path: str | Entry, *, limit: int = CONTENT_BYTES) -> bytes:
        """Return a file's content.

        Args:
            path: The file, or an entry of this file system.
            limit: The most bytes to hold in memory.

        Raises:
            ImageError: There is no such file, it is larger than the limit, or cannot be read.
        """
        entry = self._file(path)
        if entry.size > limit:
            raise self._error(entry.path, f"has {entry.size} bytes, more than {limit}")
        return self.read_at(entry, 0, entry.size)

    def read_text(self, path: str | Entry, *, limit: int = CONTENT_BYTES) -> str:
        """Return a file's content as text.

        Raises:
            ImageError: As for ``read_bytes``, or the content is not UTF-8.
        """
        entry = self._file(path)
        try:
            return self.read_bytes(entry, limit=limit).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._error(entry.path, f"byte {error.start} is not UTF-8") from None

    def pieces(self, path: str | Entry) -> Iterator[bytes]:
        """Yield a file's content in order, at most a MiB at a time.

        Raises:
            ImageError: There is no such file, or it cannot be read.
        """
        entry = self._file(path)
        for position in range(0, entry.size, _STEP):
            yield self.read_at(entry, position, _STEP)

    def read_at(self, entry: Entry, position: int, length: int) -> bytes:
        """Return a part of a file; fewer bytes than asked for only at its end.

        Raises:
            ImageError: It is no file, or cannot be read.
        """
        content = entry.content
        if content is None:
            raise self._error(entry.path, "is no regular file")
        length = max(0, min(length, entry.size - position))
        if content.segments is None:
            return content.blob.read_exactly(content.offset + position, length)
        data = bytearray(length)
        stored = content.offset
        for segment in content.segments:
            begin = max(segment.offset, position)
            end = min(segment.offset + segment.size, position + length)
            if begin < end:
                there = stored + begin - segment.offset
                data[begin - position : end - position] = content.blob.read_exactly(there, end - begin)
            stored += segment.size
        return bytes(data)

    def digest(self, entry: Entry, algorithm: str) -> str:
        """Return the digest of a file's content in hex; each content is read once.

        Args:
            entry: The file.
            algorithm: What ``hashlib.new`` knows it as; the sums that packages carry guard against accidents only.

        Raises:
            ImageError: It is no file, or cannot be read.
        """

        def read() -> str:
            digest = hashlib.new(algorithm, usedforsecurity=False)
            for piece in self.pieces(entry):
                digest.update(piece)
            return digest.hexdigest()

        return self.once(entry, algorithm, read)

    def once(self, path: str | Entry, what: Hashable, find_out: Callable[[], T]) -> T:
        """Return what follows from a file's content alone; found out once for each content.

        Args:
            path: The file.
            what: What is asked for.
            find_out: Finds it out.

        Raises:
            ImageError: It does not exist or is no file, or what ``find_out`` raises.
        """
        entry = self._file(path)
        key = (entry.content, entry.size, what)
        if key not in self.derived:
            self.derived[key] = find_out()
        return self.derived[key]  # type: ignore[no-any-return]

    def once_of_all(self, what: Hashable, find_out: Callable[[], T]) -> T:
        """Return what follows from the file system as a whole, which never changes; found out once.

        Args:
            what: What is asked for.
            find_out: Finds it out.

        Raises:
            ImageError: What ``find_out`` raises.
        """
        if what not in self._of_all:
            self._of_all[what] = find_out()
        return self._of_all[what]  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same paths, with the same metadata, from the same layers."""
        if not isinstance(other, FileSystem):
            return NotImplemented
        return list(self.walk()) == list(other.walk())

    __hash__ = None  # type: ignore[assignment]  # two file systems are compared, never looked up

    def _file(self, path: str | Entry) -> Entry:
        entry = path if isinstance(path, Entry) else self._existing(path).entry
        if entry.content is None:
            raise self._error(entry.path, "is no regular file")
        return entry

    def _existing(self, path: str) -> Node:
        node = self._find(path, follow=True)
        if node is None:
            raise self._error(path, "does not exist")
        return node

    def _find(self, path: str, *, follow: bool) -> Node | None:
        try:
            return find(self._root, split(path), follow=follow)
        except NoDirectoryError:
            return None
        except PathError as error:
            raise self._error(path, str(error)) from None

    def _error(self, path: str, what: str) -> ImageError:
        return ImageError(printable(what), where=f"{self._where}:{printable(path)}")
