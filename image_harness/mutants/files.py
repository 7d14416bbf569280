"""Entries of layers as mutants write them, and tar archives made of them."""

from __future__ import annotations

import dataclasses
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from image_harness.image import Entry, EntryType, FileSystem

_KINDS = {
    EntryType.FILE: tarfile.REGTYPE,
    EntryType.DIRECTORY: tarfile.DIRTYPE,
    EntryType.SYMLINK: tarfile.SYMTYPE,
    EntryType.CHARACTER_DEVICE: tarfile.CHRTYPE,
    EntryType.BLOCK_DEVICE: tarfile.BLKTYPE,
    EntryType.FIFO: tarfile.FIFOTYPE,
}
_XATTR = "SCHILY.xattr."
_SECOND = 10**9
#: That of whatever a mutant adds.
_MTIME = 1_700_000_000 * _SECOND


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of a layer.

    Attributes:
        content: A file's bytes.
        type: What it is.
        mode: Permission bits.
        uid: The owner.
        gid: The owning group.
        target: Where a symbolic link points to.
        hard_link: The path that it is one more name of; content and type are those of what is there.
        device: A device's major and minor number.
        xattrs: Extended attributes.
        mtime_ns: When it was changed, in nanoseconds since 1970 (UTC).
    """

    content: bytes = b""
    type: EntryType = EntryType.FILE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    target: str = ""
    hard_link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    mtime_ns: int = _MTIME

    @classmethod
    def of(cls, filesystem: FileSystem, entry: Entry) -> Node:
        """Return what a file system holds."""
        return cls(
            content=filesystem.read_bytes(entry) if entry.is_file else b"",
            type=entry.type,
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            target=entry.link_target or "",
            device=entry.device or (0, 0),
            xattrs=entry.xattrs,
            mtime_ns=entry.mtime_ns,
        )

    def but(self, **changes: object) -> Node:
        """Return the same entry with other values."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def member(path: str, node: Node) -> tarfile.TarInfo:
    """Return a tar header."""
    info = tarfile.TarInfo(path.strip("/"))
    info.type, info.mode, info.uid, info.gid = _KINDS[node.type], node.mode, node.uid, node.gid
    info.mtime = node.mtime_ns // _SECOND  # whole seconds, as in the layers that builders write
    info.linkname = node.target
    if node.hard_link:
        info.type, info.linkname = tarfile.LNKTYPE, node.hard_link.strip("/")
    info.devmajor, info.devminor = node.device
    info.size = len(node.content)
    info.pax_headers = {f"{_XATTR}{name}": value.decode("latin-1") for name, value in node.xattrs.items()}
    return info


def tar(entries: Iterable[tuple[str, Node]]) -> bytes:
    """Write a layer's tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, node in entries:
            archive.addfile(member(path, node), io.BytesIO(node.content))
    return stream.getvalue()
