"""What a recipe for a stand-in is: something that makes an image out of Debian packages, known by what goes into it."""

from __future__ import annotations

import ast
import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from monitor_build.oci import Layout

SHARED_MAKERS = ("apt.py", "debs.py", "oci.py", "recipe.py", "rootfs.py")
"""The modules that every recipe works with; each recipe's own one comes on top."""

STAND_IN_MARK = "stand-in"
"""The first word of a stand-in's first history entry: it tells every image built on one from the real thing."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came out of a recipe.

    Args:
        digest: The image's manifest.
        packages: Version of each Debian package that went in.
    """

    digest: str
    packages: Mapping[str, str]


class Recipe(ABC):
    """Makes one stand-in.

    Args:
        file: The recipe as data; its name is the stand-in's.
        stands_in_for: The upstream image's name, as the Dockerfile spells it.
    """

    def __init__(self, file: Path, *, stands_in_for: str) -> None:
        self.file = file
        self.name = file.stem
        self.stands_in_for = stands_in_for

    @property
    def created_by(self) -> str:
        """The first line of the history of every image built on the stand-in."""
        return f"{STAND_IN_MARK} for {self.stands_in_for}, put together from Debian packages (not the upstream image)"

    @cached_property
    def key(self) -> str:
        """What decides the stand-in's content, except for the versions that the archive holds at the time."""
        digest = hashlib.sha256(self.file.read_bytes())
        # The makers' code is part of the recipe: a change of theirs must not leave an old image in use.
        makers = [Path(__file__).with_name(name) for name in SHARED_MAKERS]
        for module in (*makers, Path(inspect.getfile(type(self)))):
            digest.update(_meaning(module))
        for part in self.settings():
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()

    def settings(self) -> tuple[str, ...]:
        """What of this machine's configuration goes into the stand-in."""
        return ()

    @abstractmethod
    def make(self, layout: Layout, workshop: Path) -> Made:
        """Makes the image.

        Args:
            layout: Where to write it.
            workshop: A directory for whatever is needed on the way; it is removed afterwards.

        Returns:
            What was made.

        Raises:
            BuildError: Packages cannot be had, or a tool is missing or fails.
        """


@cache
def _meaning(module: Path) -> bytes:
    """A digest of a module's code: its comments and line breaks do not count."""
    return hashlib.sha256(ast.dump(ast.parse(module.read_bytes())).encode()).digest()
