"""What a container has changed in its root file system, as the kernel of this machine sees it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from image_harness.engine.procfs import PROC

_UNDECODABLE = re.compile("[\udc80-\udcff]")
_LOST = "\N{REPLACEMENT CHARACTER}"
_UPPER = re.compile(r"[,\s]upperdir=([^,\s]+)")


def upper_directory(pid: int, proc: Path = PROC) -> Path | None:
    """Where a process's root file system keeps what is not as in the image.

    Returns:
        None where this machine does not see it: another kind of file system, another mount namespace.
    """
    try:
        mounts = (proc / str(pid) / "mountinfo").read_text(errors="replace").split("\n")[:-1]
    except OSError:
        return None
    for line in mounts:
        match = _UPPER.search(line) if line.split()[4] == "/" else None
        if match is not None and Path(match[1]).is_dir():
            return Path(match[1])
    return None


def files_in(directory: Path) -> frozenset[str]:
    """The files in such a place, as absolute paths of the container; what was removed counts, too."""
    root = str(directory)
    return frozenset(f"{folder.removeprefix(root)}/{name}" for folder, _, names in os.walk(directory) for name in names)


def contradictions(told: Iterable[str], before: frozenset[str], after: frozenset[str], directory: Path) -> list[str]:
    """What an engine leaves out of a container's changes, or adds to them.

    Args:
        told: The engine's list.
        before: The files that were there before the engine was asked.
        after: The files that were there afterwards.
        directory: Where they are.
    """
    paths = set(told)
    left_out = {_told(path) for path in before & after} - paths
    # What has lost bytes on the way cannot be looked for.
    sought = {path for path in paths - before if _LOST not in path}
    added = {path for path in sought if not os.path.lexists(f"{directory}{path}")}
    return sorted(left_out | added)


def _told(path: str) -> str:
    """A path as an engine tells it in JSON, which has no room for bytes that are no UTF-8: each of them is another."""
    return _UNDECODABLE.sub(_LOST, path)
