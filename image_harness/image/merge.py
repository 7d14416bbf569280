"""Layers laid over one another: what the OCI image layer specification calls applying changesets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from image_harness.image.budget import Budget
from image_harness.image.entries import Content, DeletedEntry, Entry, EntryType, OverwrittenEntry
from image_harness.image.errors import ImageError, printable
from image_harness.image.layers import Layer, LayerScan
from image_harness.image.limits import DEPTH, NAME_BYTES, PATH_BYTES
from image_harness.image.tar import TarMember
from image_harness.image.tar_fields import NO_XATTRS
from image_harness.image.tree import Directory, Node, PathError, find, join, split

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_UNION_METADATA: Final = ".wh..wh."
_HARD_LINK: Final = "1"
_TYPES: Final = {
    "0": EntryType.FILE,
    "2": EntryType.SYMLINK,
    "3": EntryType.CHARACTER_DEVICE,
    "4": EntryType.BLOCK_DEVICE,
    "5": EntryType.DIRECTORY,
    "6": EntryType.FIFO,
}


class Merger:
    """Builds the tree of a file system, layer by layer.

    Args:
        budget: What directories that no layer names, but that paths need, are charged to.

    Attributes:
        root: The root directory.
        deleted: What later layers took away.
        overwritten: What was replaced.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._layer = 0
        self._created_by = ""
        self.root = Directory(self._implied("/"))
        self.deleted: list[DeletedEntry] = []
        self.overwritten: list[OverwrittenEntry] = []

    def apply(self, layer: Layer, scan: LayerScan) -> None:
        """Lay one layer over what is there.

        Raises:
            ImageError: An entry has a name or a link that does not belong into a layer.
        """
        self._layer, self._created_by = layer.index, layer.created_by
        for member in scan.members:
            try:
                self._add(member, scan)
            except PathError as error:
                where = f"{scan.blob.where}:{printable(member.name)}"
                raise ImageError(printable(str(error)), where=where) from None

    def _add(self, member: TarMember, scan: LayerScan) -> None:
        parts = _checked_parts(member.name)
        if not parts:
            if member.type != "5":
                raise PathError("the root is no directory")
            self.root.entry = self._entry("/", member, scan)
            return
        name = parts.pop()
        if _WHITEOUT in member.name and self._is_mark(parts, name):
            return
        parent = self._directory(parts)
        path = self._checked_path(parent, name)
        if member.type == _HARD_LINK:
            self._link(parent, name, path, member)
        else:
            self._put(parent, name, self._entry(path, member, scan))

    def _directory(self, parts: list[str]) -> Directory:
        """Return the directory that a path names, made where no layer lists it, as engines do."""
        node = find(self.root, parts, follow=True, make=self._make_directory)
        if not isinstance(node, Directory):
            raise PathError(f"{'/'.join(parts)} is no directory")
        return node

    def _make_directory(self, parent: Directory, name: str) -> Node:
        path = self._checked_path(parent, name)
        if name.startswith(_WHITEOUT):
            raise PathError(f"{path} has the name of a whiteout")
        self._budget.charge_entry(0)
        node = parent.children[name] = Directory(self._implied(path))
        return node

    def _checked_path(self, parent: Node, name: str) -> str:
        """Return the path of a name in a directory; links on its way may have made it longer than the entry's name."""
        path = join(parent.entry.path, name)
        if len(path) > PATH_BYTES:
            raise PathError(f"leads to a path of more than {PATH_BYTES} characters")
        self._budget.charge_metadata(len(path))
        return path

    def _implied(self, path: str) -> Entry:
        return Entry(path, EntryType.DIRECTORY, 0o755, 0, 0, 0, 0, None, self._layer, self._created_by, NO_XATTRS)

    def _entry(self, path: str, member: TarMember, scan: LayerScan) -> Entry:
        kind = _TYPES[member.type]
        is_device = kind in (EntryType.CHARACTER_DEVICE, EntryType.BLOCK_DEVICE)
        return Entry(
            path=path,
            type=kind,
            mode=member.mode,
            uid=member.uid,
            gid=member.gid,
            size=member.size,
            mtime_ns=member.mtime_ns,
            link_target=_checked_target(member.link) if kind is EntryType.SYMLINK else None,
            layer=self._layer,
            created_by=self._created_by,
            xattrs=member.xattrs,
            device=member.device if is_device else None,
            content=Content(scan.content, member.offset, member.segments) if kind is EntryType.FILE else None,
        )

    def _link(self, parent: Directory, name: str, path: str, member: TarMember) -> None:
        """Give a file one more name; all its names take what the link's own header says, as they do under engines."""
        target = self._link_target(path, member)
        names = target.names = target.names or [target]
        self._apply_header(names, member)
        first = target.entry.hard_link or target.entry.path
        entry = dataclasses.replace(
            target.entry, path=path, layer=self._layer, created_by=self._created_by, hard_link=first
        )
        node = self._put(parent, name, entry)
        node.names = names
        names.append(node)

    def _link_target(self, path: str, member: TarMember) -> Node:
        # Go's and Python's readers alike take an absolute target from the root of the image.
        target = find(self.root, _checked_parts(member.link.lstrip("/")), follow=False)
        if target is None:
            raise PathError(f"hard link to {member.link}, which is not there")
        if isinstance(target, Directory):
            raise PathError(f"hard link to {member.link}, which is a directory")
        if target.entry.path == path:
            raise PathError("hard link to itself")
        return target

    def _apply_header(self, names: list[Node], member: TarMember) -> None:
        """Set the owner, the mode and the extended attributes of a file, under all its names.

        Extended attributes that the header does not name stay, and so does the mode of a symbolic link. Tools write the
        same header for every name; only what differs costs anything, and counts against the limit.
        """
        before = names[0].entry
        mode = before.mode if before.is_symlink else member.mode
        xattrs = {**before.xattrs, **member.xattrs}
        if (before.mode, before.uid, before.gid, before.xattrs) == (mode, member.uid, member.gid, xattrs):
            return
        for node in names:
            self._budget.charge_entry(0)
            node.entry = dataclasses.replace(node.entry, mode=mode, uid=member.uid, gid=member.gid, xattrs=xattrs)

    def _put(self, parent: Directory, name: str, entry: Entry) -> Node:
        before = parent.children.get(name)
        if isinstance(before, Directory) and entry.is_directory:
            before.entry = entry
            return before
        if before is not None:
            for _, _, lost in _below(parent, name, before):
                if not lost.entry.is_directory:
                    self.overwritten.append(OverwrittenEntry(lost.entry, self._layer))
        node = parent.children[name] = Directory(entry) if entry.is_directory else Node(entry)
        return node

    def _is_mark(self, parts: list[str], name: str) -> bool:
        """Whether an entry is not a file but tells what to do with others; then it is done."""
        if any(part.startswith(_UNION_METADATA) for part in parts):
            return True
        if any(part.startswith(_WHITEOUT) for part in parts):
            raise PathError("a name below a whiteout")
        if name.startswith(_WHITEOUT):
            self._white_out(self._directory(parts), name)
            return True
        return False

    def _white_out(self, parent: Directory, name: str) -> None:
        """Take away what lower layers put here; what this very layer puts here stays, wherever in the tar it stands."""
        if name == _OPAQUE:
            if parent.pruned_by != self._layer:
                parent.pruned_by = self._layer
                for child_name, child in list(parent.children.items()):
                    self._prune(parent, child_name, child)
            return
        if name.startswith(_UNION_METADATA):
            return
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in ("", ".", ".."):
            raise PathError("a whiteout of no name")
        if hidden in parent.children:
            self._prune(parent, hidden, parent.children[hidden])

    def _prune(self, parent: Directory, name: str, node: Node) -> None:
        """Drop what lower layers hold at and below a node; each directory is searched once for a layer."""
        for above, inner_name, inner in reversed(list(_below(parent, name, node, pruned_by=self._layer))):
            inner.pruned_by = self._layer
            if inner.entry.layer < self._layer and not (isinstance(inner, Directory) and inner.children):
                del above.children[inner_name]
                self.deleted.append(DeletedEntry(inner.entry, self._layer))


def _below(parent: Directory, name: str, node: Node, pruned_by: int = -1) -> Iterator[tuple[Directory, str, Node]]:
    """Yield a node and all below it, each with its directory and name, directories first.

    What is below a directory that a layer has pruned already is left out.
    """
    pending = [(parent, name, node)]
    while pending:
        found = pending.pop()
        yield found
        inner = found[2]
        if isinstance(inner, Directory) and (pruned_by < 0 or inner.pruned_by != pruned_by):
            pending.extend((inner, child_name, child) for child_name, child in inner.children.items())


def _checked_parts(name: str) -> list[str]:
    """Split a name of an archive, which must stay below the root and within what Linux can hold."""
    if name.startswith("/") and name.strip("/"):
        raise PathError("an absolute name")
    parts = split(name)
    if ".." in parts:
        raise PathError("a name with ..")
    if len(parts) > DEPTH or (len(name) > NAME_BYTES and (len(name) > PATH_BYTES or max(map(len, parts)) > NAME_BYTES)):
        raise PathError(f"a name of more than {PATH_BYTES} characters, {NAME_BYTES} in a part or {DEPTH} parts")
    return parts


def _checked_target(target: str) -> str:
    if not target or len(target) > PATH_BYTES:
        raise PathError("a symbolic link without a target, or with one that is too long")
    return target
