"""The tree of a merged file system, and how a path is found in it without ever leaving its root."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from image_harness.image.entries import Entry
from image_harness.image.limits import SYMLINKS, WALK

_ROOT_PARTS: Final = ("", ".")


class Node:
    """What is at one path.

    Args:
        entry: What is known of it.

    Attributes:
        pruned_by: The last layer that took away what lower layers hold below.
        names: All names of a file that has several by hard links, this one among them; None while it is the only one.
    """

    __slots__ = ("entry", "names", "pruned_by")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.pruned_by = -1
        self.names: list[Node] | None = None


class Directory(Node):
    """A directory and what is in it.

    Attributes:
        children: By name, in no order.
    """

    __slots__ = ("children",)

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry)
        self.children: dict[str, Node] = {}


class PathError(Exception):
    """A path that leads nowhere, for a reason other than an absent name: told in one clause."""


class NoDirectoryError(PathError):
    """A path with a name below something that is no directory: there can be nothing at it."""


def split(path: str) -> list[str]:
    """Return a path's names; empty ones and single dots mean nothing."""
    return [part for part in path.split("/") if part not in _ROOT_PARTS]


def join(parent: str, name: str) -> str:
    """Return the path of a name in a directory."""
    return f"/{name}" if parent == "/" else f"{parent}/{name}"


def find(
    root: Directory, parts: list[str], *, follow: bool, make: Callable[[Directory, str], Node] | None = None
) -> Node | None:
    """Walk down from the root; ``..`` stops at the root and links are resolved inside it, as after chroot(2).

    Args:
        root: The root directory.
        parts: The names to walk through.
        follow: Whether a symbolic link at the very end is followed.
        make: Makes what is missing, given the directory and the name; without it, what is missing is not found.

    Returns:
        The node, or None where a name is missing.

    Raises:
        PathError: Too many links, or too long a way through them.
        NoDirectoryError: A name below something that is no directory.
    """
    here: list[Node] = [root]
    pending = parts[::-1]
    links = steps = 0
    while pending:
        part = pending.pop()
        steps += 1
        if steps > WALK:
            raise PathError(f"more than {WALK} steps to the end of the path")
        if part == "..":
            here = here[:-1] or here
            continue
        directory = here[-1]
        if not isinstance(directory, Directory):
            raise NoDirectoryError(f"{directory.entry.path} is no directory")
        node = directory.children.get(part) or (make(directory, part) if make else None)
        if node is None:
            return None
        target = node.entry.link_target
        if target is None or not (pending or follow):
            here.append(node)
            continue
        links += 1
        if links > SYMLINKS:
            raise PathError(f"more than {SYMLINKS} symbolic links in a row")
        if target.startswith("/"):
            here = [root]
        pending.extend(reversed(split(target)))
    return here[-1]
