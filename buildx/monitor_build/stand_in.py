"""Stand-ins that have been made, kept so that they are made once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from monitor_build.errors import BuildError
from monitor_build.oci import Layout
from monitor_build.recipe import Recipe

RECORD = "stand-in.json"
KEY_LENGTH = 16
"""Hexadecimal digits of a recipe's key in a folder's name: enough to tell recipes apart, few enough to read."""

Say = Callable[[str], None]
"""Tells the user something, one line."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A stand-in that is ready for use.

    Args:
        directory: Its OCI layout.
        recipe: SHA-256 of what it was made from, package versions aside.
        digest: Its manifest.
        packages: Version of each Debian package in it.
    """

    directory: Path
    recipe: str
    digest: str
    packages: Mapping[str, str]

    @property
    def context(self) -> str:
        """The stand-in as a build context of buildx."""
        return f"oci-layout://{self.directory}@{self.digest}"


class StandInStore:
    """A folder of stand-ins, one for each recipe.

    A stand-in stays as it was made until its recipe changes or someone asks for a new one: what a build stands on does
    not change because the archive did.

    Args:
        folder: Where they are kept.
        say: Told what takes long.
    """

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder = folder
        self._say = say

    def find(self, recipe: Recipe) -> StandIn | None:
        """The stand-in of a recipe as it is now, None when it has not been made."""
        directory = self._home(recipe)
        try:
            record = json.loads((directory / RECORD).read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            raise BuildError(
                f"unreadable: {problem}", where=str(directory / RECORD), fix="remove that folder"
            ) from None
        return StandIn(directory.resolve(), record["recipe"], record["digest"], record["packages"])

    def get(self, recipe: Recipe, *, anew: bool = False) -> StandIn:
        """The stand-in of a recipe; made when there is none.

        Args:
            recipe: How it is made.
            anew: Make it even so, with the packages that the archive has today.

        Raises:
            BuildError: It cannot be made.
        """
        if not anew and (found := self.find(recipe)):
            return found
        self._folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self._folder / "lock", self._say):
            if not anew and (found := self.find(recipe)):
                return found
            self._clear_away(".making-*")
            return self._make(recipe)

    def _make(self, recipe: Recipe) -> StandIn:
        log = self._folder.with_suffix(".log")
        self._say(f"Putting a stand-in for {recipe.stands_in_for} together from Debian packages (its log: {log})")
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=self._folder))
        try:
            workshop = making / "workshop"
            workshop.mkdir()
            layout = Layout(making / "layout")
            made = recipe.make(layout, workshop)
            stand_in = StandIn(self._home(recipe).resolve(), recipe.key, made.digest, made.packages)
            record = asdict(stand_in) | {"directory": None, "stands_in_for": recipe.stands_in_for}
            (layout.directory / RECORD).write_text(json.dumps(record, indent=1) + "\n")
            self._clear_away(f"{recipe.name}-*")
            layout.directory.rename(self._home(recipe))
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return stand_in

    def _clear_away(self, pattern: str) -> None:
        for folder in self._folder.glob(pattern):
            shutil.rmtree(folder)

    def _home(self, recipe: Recipe) -> Path:
        return self._folder / f"{recipe.name}-{recipe.key[:KEY_LENGTH]}"


@contextmanager
def exclusive(lock: Path, say: Say) -> Iterator[None]:
    """Waits until nobody else holds a lock file; the kernel takes it back from a process that dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another build in {lock.parent}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
