"""What git says of the checkout that an image claims to be made from."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image_harness.errors import HarnessError

_UNTRACKED: Final = "??"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit and how the files on disk differ from it.

    Attributes:
        root: Its top folder.
        commit: The full name of the commit that is checked out; None where there is none.
        tags: The tags of that commit.
        changes: Paths that differ from the commit, untracked ones included.
    """

    root: Path
    commit: str | None
    tags: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @classmethod
    def read(cls, root: Path, *, leaving_out: Path | None = None) -> Checkout:
        """Ask git.

        Args:
            root: The top folder.
            leaving_out: A folder whose untracked files do not count: the one that results are written to.

        Raises:
            HarnessError: There is no git on this machine, or it cannot tell.
        """
        verified = _git(root, "rev-parse", "--verify", "HEAD")
        if verified.returncode != 0:
            return cls(root, None)
        # Git names files from the top of the checkout, which a subfolder is not.
        top = Path(_answer(root, "rev-parse", "--show-toplevel").removesuffix("\n"))
        status = _answer(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
        tags = _answer(root, "tag", "--points-at", "HEAD")
        results = leaving_out.resolve() if leaving_out else None
        entries = ((entry[:2], entry[3:]) for entry in status.split("\0") if entry)
        counted = (path for kind, path in entries if kind != _UNTRACKED or not _is_below(top / path, results))
        return cls(root, os.fsdecode(verified.stdout).strip(), tuple(tags.split()), tuple(counted))

    def fingerprints(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        """SHA-256 of files as the commit has them; None for a file that it does not have."""
        return {path: self._fingerprint(path) for path in paths}

    def _fingerprint(self, path: str) -> str | None:
        # By the commit's own name: what is checked out may be another by now.
        command = ["git", "--no-optional-locks", "cat-file", "blob", f"{self.commit}:./{path}"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
        return hashlib.sha256(done.stdout).hexdigest() if done.returncode == 0 else None


def _is_below(path: Path, folder: Path | None) -> bool:
    # Where the file itself is: a link from elsewhere into the folder is not in the folder.
    return folder is not None and (path.parent.resolve() / path.name).is_relative_to(folder)


def _answer(root: Path, *arguments: str) -> str:
    """What git says; file names need not be UTF-8."""
    done = _git(root, *arguments)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")
        raise HarnessError(f"git {arguments[0]} fails: {said}", where=str(root), fix="mend the checkout")
    return os.fsdecode(done.stdout)


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "--no-optional-locks", *arguments], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        raise HarnessError("there is no git on this machine", where=str(root), fix="install git") from None
