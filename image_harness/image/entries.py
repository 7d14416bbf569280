"""What a file system is made of."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from image_harness.image.blobs import Blob
from image_harness.image.tar_fields import Segment

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EntryType(enum.Enum):
    """What an entry is. The value is the letter that ``ls -l`` shows."""

    FILE = "-"
    DIRECTORY = "d"
    SYMLINK = "l"
    CHARACTER_DEVICE = "c"
    BLOCK_DEVICE = "b"
    FIFO = "p"


@dataclass(frozen=True, slots=True)
class Content:
    """Where a file's bytes are.

    Attributes:
        blob: The uncompressed layer.
        offset: Where in it the file begins.
        segments: Which parts of a sparse file are stored; None for a file stored as a whole.
    """

    blob: Blob
    offset: int
    segments: tuple[Segment, ...] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of the merged file system.

    A hard link is a file like any other; ``hard_link`` names the path that it was made from.

    Attributes:
        path: Absolute, with slashes; bytes that are not UTF-8 as surrogates (``os.fsencode`` gives them back).
        type: What it is.
        mode: Permission bits with set-uid, set-gid and sticky: 0 to 0o7777.
        uid: The owner.
        gid: The owning group.
        size: Bytes of a file's content; 0 for anything else.
        mtime_ns: When it was changed, in nanoseconds since 1970 (UTC).
        link_target: Where a symbolic link points to, as written; None for anything else.
        layer: The index of the layer that it comes from.
        created_by: The instruction that made that layer; "" where the history does not tell.
        xattrs: Extended attributes, such as ``security.capability``.
        device: A device's major and minor number.
        hard_link: The path that a hard link was made from.
    """

    path: str
    type: EntryType
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    link_target: str | None
    layer: int
    created_by: str
    xattrs: Mapping[str, bytes]
    device: tuple[int, int] | None = None
    hard_link: str | None = None
    content: Content | None = field(default=None, compare=False, repr=False)

    @property
    def mtime(self) -> datetime:
        """When it was changed (UTC; what is finer than a microsecond is cut off)."""
        return _EPOCH + timedelta(microseconds=self.mtime_ns // 1000)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.type is EntryType.FILE

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.type is EntryType.DIRECTORY

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return self.type is EntryType.SYMLINK

    def __repr__(self) -> str:
        """Show what a reader of a report needs: where it is, what it is, whose it is, and which layer made it."""
        target = f" -> {self.link_target}" if self.link_target is not None else ""
        size = f" {self.size} bytes" if self.type is EntryType.FILE else ""
        owner = f"{self.uid}:{self.gid}"
        return f"<{self.path}{target} {self.type.value}{self.mode:04o} {owner}{size}, layer {self.layer}>"


@dataclass(frozen=True, slots=True)
class DeletedEntry:
    """Something in a layer that a later layer takes away: it is still in the image, and nobody can see it.

    Attributes:
        entry: What was there.
        deleted_by: The index of the layer that deletes it.
    """

    entry: Entry
    deleted_by: int

    @property
    def wasted_bytes(self) -> int:
        """What it costs for nothing; a hard link's bytes are counted where its file is."""
        return 0 if self.entry.hard_link else self.entry.size


@dataclass(frozen=True, slots=True)
class OverwrittenEntry:
    """A file in a layer whose path a later layer, or the same one, fills anew.

    Attributes:
        entry: What was there.
        overwritten_by: The index of the layer that replaces it.
    """

    entry: Entry
    overwritten_by: int

    @property
    def wasted_bytes(self) -> int:
        """What it costs for nothing; a hard link's bytes are counted where its file is."""
        return 0 if self.entry.hard_link else self.entry.size
