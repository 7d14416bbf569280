"""Compares the file systems of two images, and tells the differences by layer."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

from image_harness.diff.model import FileChange, Kind, LayerChanges
from image_harness.image import Entry, EntryType, FileSystem, Image

_NAMES = {
    EntryType.FILE: "file",
    EntryType.DIRECTORY: "directory",
    EntryType.SYMLINK: "link",
    EntryType.CHARACTER_DEVICE: "character device",
    EntryType.BLOCK_DEVICE: "block device",
    EntryType.FIFO: "pipe",
}


def compare_files(old: Image, new: Image) -> tuple[LayerChanges, ...]:
    """Compare two file systems. Times of change do not count: every build sets them anew.

    Args:
        old: The one before.
        new: The one after.

    Raises:
        ImageError: A file cannot be read.
    """
    before = {entry.path: entry for entry in old.filesystem.walk()}
    after = {entry.path: entry for entry in new.filesystem.walk()}
    found: dict[tuple[bool, int], list[FileChange]] = defaultdict(list)
    for path, entry in after.items():
        earlier = before.get(path)
        if earlier is None:
            found[False, entry.layer].append(FileChange(path, Kind.ADDED, _description(entry), entry.size))
        elif not _same_origin(earlier, old, entry, new):
            details = tuple(_differences(earlier, old.filesystem, entry, new.filesystem))
            if details:
                grown = entry.size - earlier.size
                found[False, entry.layer].append(FileChange(path, Kind.CHANGED, details, grown))
    for path, entry in before.items():
        if path not in after:
            found[True, entry.layer].append(FileChange(path, Kind.REMOVED, _description(entry), -entry.size))
    return tuple(
        LayerChanges(
            created_by=(old if removed else new).layers[layer].created_by,
            removed=removed,
            files=tuple(sorted(files, key=lambda change: change.path)),
        )
        for (removed, layer), files in sorted(found.items())
    )


def _same_origin(earlier: Entry, old: Image, entry: Entry, new: Image) -> bool:
    """Whether both come from one and the same layer, so that their content need not be read.

    A hard link's own layer tells nothing: what it was made from may be of another one.
    """
    if earlier.hard_link is not None or entry.hard_link is not None:
        return False
    return old.layers[earlier.layer].diff_id == new.layers[entry.layer].diff_id


def _differences(earlier: Entry, old: FileSystem, entry: Entry, new: FileSystem) -> Iterator[str]:
    if earlier.type is not entry.type:
        yield f"{_NAMES[earlier.type]} -> {_NAMES[entry.type]}"
    if earlier.mode != entry.mode:
        yield f"mode {earlier.mode:04o} -> {entry.mode:04o}"
    if (earlier.uid, earlier.gid) != (entry.uid, entry.gid):
        yield f"owner {earlier.uid}:{earlier.gid} -> {entry.uid}:{entry.gid}"
    if earlier.link_target != entry.link_target and earlier.is_symlink and entry.is_symlink:
        yield f"target {earlier.link_target} -> {entry.link_target}"
    if earlier.device != entry.device:
        yield f"device {earlier.device} -> {entry.device}"
    if earlier.xattrs != entry.xattrs:
        yield "extended attributes"
    if earlier.is_file and entry.is_file:
        if earlier.size != entry.size:
            yield f"size {earlier.size} -> {entry.size}"
        elif _fingerprint(old, earlier) != _fingerprint(new, entry):
            yield "content"


def _description(entry: Entry) -> tuple[str, ...]:
    target = (f"-> {entry.link_target}",) if entry.link_target is not None else ()
    return (_NAMES[entry.type], f"{entry.mode:04o}", f"{entry.uid}:{entry.gid}", *target)


def _fingerprint(fs: FileSystem, entry: Entry) -> bytes:
    digest = hashlib.sha256()
    for piece in fs.pieces(entry):
        digest.update(piece)
    return digest.digest()
