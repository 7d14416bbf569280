"""What git says of the checkout that an image claims to be made from."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_harness.errors import HarnessError


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
            leaving_out: A folder whose content does not count, such as the one that results are written to.

        Raises:
            HarnessError: There is no git on this machine.
        """
        commit = _git(root, "rev-parse", "--verify", "HEAD")
        if commit is None:
            return cls(root, None)
        status = _git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames") or ""
        tags = _git(root, "tag", "--points-at", "HEAD") or ""
        changes = (entry[3:] for entry in status.split("\0") if entry)
        ignored = leaving_out.resolve() if leaving_out else None
        counted = (path for path in changes if ignored is None or not (root / path).resolve().is_relative_to(ignored))
        return cls(root, commit.strip(), tuple(tags.split()), tuple(counted))

    def fingerprints(self, paths: Sequence[str]) -> Mapping[str, str | None]:
        """SHA-256 of files as the commit has them; None for a file that it does not have."""
        return {path: self._fingerprint(path) for path in paths}

    def _fingerprint(self, path: str) -> str | None:
        # By the commit's own name: what is checked out may be another by now.
        command = ["git", "--no-optional-locks", "cat-file", "blob", f"{self.commit}:./{path}"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
        return hashlib.sha256(done.stdout).hexdigest() if done.returncode == 0 else None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise HarnessError("there is no git on this machine", where=str(root), fix="install git") from None
    return done.stdout if done.returncode == 0 else None
