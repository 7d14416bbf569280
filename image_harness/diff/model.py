"""The differences between two images, as data."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from image_harness.types import Digest


class Kind(enum.StrEnum):
    """What became of something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was.

    Attributes:
        name: What it is called.
        old: What it was; None where it was not there.
        new: What it is; None where it is not there any more.
    """

    name: str
    old: str | None
    new: str | None

    @property
    def kind(self) -> Kind:
        """What became of it."""
        if self.old is None:
            return Kind.ADDED
        return Kind.REMOVED if self.new is None else Kind.CHANGED


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of the merged file system that is not as it was.

    Attributes:
        path: Where.
        kind: What became of it.
        details: What about it changed, such as ``mode 0644 -> 0755``; for one that came or went, what it is or was.
        grown: Bytes that it is larger by; negative when smaller.
    """

    path: str
    kind: Kind
    details: tuple[str, ...]
    grown: int


@dataclass(frozen=True, slots=True)
class LayerChanges:
    """The files that changed, of one layer of the new image; removed ones under the old image's layer.

    Attributes:
        created_by: The instruction that made the layer; "" where the history does not tell.
        removed: Whether it is the old image's layer.
        files: What changed, by path.
    """

    created_by: str
    removed: bool
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two images.

    Attributes:
        reference: Where it was read from.
        manifest_digest: None where the transport keeps no manifest.
        config_digest: What Docker calls the image ID.
        size: Uncompressed bytes of all layers.
        layers: How many.
    """

    reference: str
    manifest_digest: Digest | None
    config_digest: Digest
    size: int
    layers: int


@dataclass(frozen=True, slots=True)
class ImageDiff:
    """Everything that differs between two images.

    Attributes:
        old: The one before.
        new: The one after.
        shared_layers: How many layers are the same.
        debian: Debian packages, by name.
        python: Python distributions, by name.
        labels: Labels.
        config: Everything else that the configuration says.
        layers: Files, by layer.
        requirements: Requirements with another status; None where the reports of the two are not both at hand.
    """

    old: Side
    new: Side
    shared_layers: int
    debian: tuple[Change, ...] = ()
    python: tuple[Change, ...] = ()
    labels: tuple[Change, ...] = ()
    config: tuple[Change, ...] = ()
    layers: tuple[LayerChanges, ...] = ()
    requirements: tuple[Change, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the two are the same in everything that is compared."""
        return not (self.debian or self.python or self.labels or self.config or self.layers or self.requirements)
