"""Temporary folders that tell whose they are, so that what a killed run left behind can be told from what is in use."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from image_harness.engine.ownership import RunIdentity, is_dead

_PREFIX: Final = "image-harness-mutant-"


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder of this process below the system's one for temporary files; removed at the end.

    Raises:
        OSError: It cannot be made or removed.
    """
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{RunIdentity.current().tag(uuid.uuid4().hex[:12])}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def remove_leftover_folders() -> int:
    """Remove the folders of this user's processes that certainly run no more.

    Returns:
        How many there were.

    Raises:
        OSError: One cannot be removed.
    """
    here = RunIdentity.current().digested()
    found = [folder for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_left_over(folder, here)]
    for folder in found:
        with contextlib.suppress(FileNotFoundError):  # another run may remove it at the same time
            shutil.rmtree(folder)
    return len(found)


def _is_left_over(folder: Path, here: RunIdentity) -> bool:
    owner = RunIdentity.from_tag(folder.name.removeprefix(_PREFIX))
    if owner is None:
        return False
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and is_dead(owner, here, local_engine=True)
