"""What the source says of itself: what an image is made from, its version, revision and date."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor_build.errors import BuildError
from monitor_build.process import output_of

DOCKERFILE = "Dockerfile.monitor"
IMAGE_PARTS = (
    DOCKERFILE,
    f"{DOCKERFILE}.dockerignore",
    "buildx",
    "monitor_service/__init__.py",
    "monitor_service/requirements.monitor.txt",
    "monitor_service/resource_monitor",
    "monitor_service/recorder",
    "monitor_service/common",
    "monitor_service/integration",
)
"""What decides the image: how it is built, and the parts of the application that the .dockerignore lets through."""

UNKNOWN_REVISION = "unknown"


@dataclass(frozen=True, slots=True)
class BuildArguments:
    """The three build arguments that become labels.

    Args:
        version: `VERSION`.
        revision: `VCS_REF`.
        date: `BUILD_DATE`.
    """

    version: str
    revision: str
    date: datetime

    def as_mapping(self) -> Mapping[str, str]:
        """The arguments under the names that the Dockerfile gives them."""
        return {"VERSION": self.version, "VCS_REF": self.revision, "BUILD_DATE": rfc3339(self.date)}


@dataclass(frozen=True, slots=True)
class Source:
    """A checkout of the project.

    Args:
        root: Its top folder.
    """

    root: Path

    def default_version(self) -> str:
        """What the Dockerfile says when nobody gives a version.

        Raises:
            BuildError: The Dockerfile is not there or has no `ARG VERSION=`.
        """
        try:
            text = (self.root / DOCKERFILE).read_text(encoding="utf-8")
        except OSError as problem:
            raise BuildError(f"cannot read it ({problem.strerror})", where=DOCKERFILE) from None
        except UnicodeDecodeError as problem:
            raise BuildError(f"not UTF-8: {problem.reason} at byte {problem.start}", where=DOCKERFILE) from None
        found = re.search(r"^ARG VERSION=(\S+)", text, re.MULTILINE)
        if found is None:
            raise BuildError("no line ARG VERSION=...", where=DOCKERFILE)
        return found[1]

    def revision(self) -> str:
        """The commit that is checked out, `unknown` when there is none.

        It names the commit alone. Whether the source differs from it is on record beside the image and in its
        provenance, not in the label: else the first change after a commit would rebuild every layer below a label.
        """
        if not self._is_git():
            return UNKNOWN_REVISION
        try:
            return self._git("rev-parse", "--verify", "HEAD")
        except BuildError:
            return UNKNOWN_REVISION  # no commit yet

    def is_dirty(self) -> bool:
        """Whether what the image is made of differs from the commit; changes elsewhere cannot be seen in the image."""
        return self._is_git() and bool(self._git("status", "--porcelain", "--untracked-files=all", "--", *IMAGE_PARTS))

    def date(self, environment: Mapping[str, str]) -> datetime:
        """When the source was made: SOURCE_DATE_EPOCH, else the commit's time, else when a file of it changed last.

        The same source so gives the same labels, whenever it is built.

        Raises:
            BuildError: SOURCE_DATE_EPOCH is not a number of seconds.
        """
        epoch = environment.get("SOURCE_DATE_EPOCH", "")
        if not epoch and self._is_git():
            try:
                epoch = self._git("show", "--no-patch", "--format=%ct", "HEAD")
            except BuildError:
                epoch = ""
        if not epoch:
            epoch = str(int(max(file.stat().st_mtime for file in self.files())))
        try:
            return datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError):
            raise BuildError(
                f"{epoch!r} is not a number of seconds since 1970",
                where="SOURCE_DATE_EPOCH",
                fix="unset it or correct it",
            ) from None

    def files(self) -> Iterator[Path]:
        """Every file that the image is made from, in a fixed order."""
        for part in IMAGE_PARTS:
            path = self.root / part
            found = sorted(path.rglob("*")) if path.is_dir() else [path]
            yield from (file for file in found if file.is_file() and not _is_by_product(file.relative_to(self.root)))

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file that the image is made from, by its path in the checkout."""
        return {
            str(file.relative_to(self.root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files()
        }

    def _is_git(self) -> bool:
        return (self.root / ".git").exists() and shutil.which("git") is not None

    def _git(self, *arguments: str) -> str:
        return output_of(["git", "--no-optional-locks", *arguments], cwd=self.root).strip()


def inputs_hash(fingerprints: Mapping[str, str], arguments: Mapping[str, str]) -> str:
    """One value for all that an image is made from: another value means that the image is stale."""
    digest = hashlib.sha256()
    for name, value in [*sorted(fingerprints.items()), *sorted(arguments.items())]:
        digest.update(f"{name}\0{value}\n".encode())
    return digest.hexdigest()


def rfc3339(moment: datetime) -> str:
    """A moment in UTC as OCI's `created` wants it, seconds precise."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_by_product(file: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in file.parts)
