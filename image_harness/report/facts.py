"""What a verdict belongs to: the image, what it was built on, the design, the run that looked."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from image_harness.types import Digest, Platform


class BaseUse(enum.StrEnum):
    """Which images the image was built on."""

    UPSTREAM = "upstream"
    STAND_IN = "stand-in"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BaseImage:
    """One image that a build stage starts from.

    Attributes:
        reference: Its name as the build knows it.
        digest: Its manifest digest, where it is known.
    """

    reference: str
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class BasesFacts:
    """The images that the image was built on.

    Attributes:
        use: Whether they are the upstream ones.
        images: Each of them, in the order of the stages.
        reason: Why stand-ins were used, or why it is not known what was.
    """

    use: BaseUse
    images: tuple[BaseImage, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer of the image.

    Attributes:
        digest: Of the blob as it is stored.
        size: Bytes as stored (compressed, where the transport compresses).
        uncompressed_size: Bytes of the layer's tar stream.
        created_by: The instruction that made it, as the image's history tells.
    """

    digest: Digest
    size: int
    uncompressed_size: int
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The image that the verdict belongs to.

    Attributes:
        reference: What the user named, transport included.
        platform: What the image is for.
        manifest_digest: None when this run did not look at the image, or where the image has no manifest.
        config_digest: None when this run did not look at the image (source evidence alone).
        layers: Bottom first; empty when this run did not look at the image.
        manifest_absence: Why an image that was looked at has no manifest digest.
        packages: Debian packages and Python distributions in it; None when nobody counted.
    """

    reference: str
    platform: Platform
    manifest_digest: Digest | None = None
    config_digest: Digest | None = None
    layers: tuple[LayerFacts, ...] = ()
    manifest_absence: str = ""
    packages: int | None = None

    @property
    def looked_at(self) -> bool:
        """Whether this run looked at the image at all."""
        return self.config_digest is not None

    @property
    def size(self) -> int:
        """Bytes of all layers, uncompressed."""
        return sum(layer.uncompressed_size for layer in self.layers)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line of a document that the design was written from.

    Attributes:
        place: Where in which document.
        text: What it asks for.
        requirements: Ids of the requirements that decide it.
    """

    place: str
    text: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DesignFacts:
    """The design that the image was held against.

    Attributes:
        name: The service that it describes.
        digest: Of the design's files.
        documents: What it was written from.
        lines: What these ask for, line by line.
    """

    name: str
    digest: Digest
    documents: tuple[str, ...] = ()
    lines: tuple[LineFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The run that looked.

    Attributes:
        started: When, with a time zone.
        duration: How long it took.
        harness: The version of image-harness.
        engine: Name and version of the container engine, or None when the run used none.
        emulated: Whether the image's programs ran under emulation, or None when none ran.
        bases: What the image was built on.
        selection: What the user selected (such as an expression given to ``-m``); empty when everything.
        boot: From the shared container's start until its service answered; None when none did.

    Raises:
        ValueError: The start has no time zone.
    """

    started: datetime
    duration: timedelta
    harness: str
    engine: str | None = None
    emulated: bool | None = None
    bases: BasesFacts = BasesFacts(BaseUse.UNKNOWN, reason="no build record")
    selection: str = ""
    boot: timedelta | None = None

    def __post_init__(self) -> None:
        if self.started.tzinfo is None:
            raise ValueError("the start of a run needs a time zone")
