"""Indexes, manifests and descriptors: OCI image specification 1.1 and Docker's image manifest, version 2, schema 2."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from image_harness.image.documents import JsonObject
from image_harness.image.errors import ImageError
from image_harness.image.limits import DESCRIPTORS, LAYERS
from image_harness.types import Digest, Platform


class DocumentKind(enum.Enum):
    """What a media type says of a document."""

    INDEX = enum.auto()
    MANIFEST = enum.auto()


_KINDS: Final = {
    "application/vnd.oci.image.index.v1+json": DocumentKind.INDEX,
    "application/vnd.docker.distribution.manifest.list.v2+json": DocumentKind.INDEX,
    "application/vnd.oci.image.manifest.v1+json": DocumentKind.MANIFEST,
    "application/vnd.docker.distribution.manifest.v2+json": DocumentKind.MANIFEST,
}
_CONFIG_TYPES: Final = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
_NOT_A_PLATFORM: Final = Platform("unknown", "unknown")
_REFERENCE_TYPE: Final = "vnd.docker.reference.type"
_REFERENCE_DIGEST: Final = "vnd.docker.reference.digest"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a document says of a blob that it points to.

    Attributes:
        media_type: What the blob is.
        digest: Its content digest.
        size: Its length in bytes.
        annotations: Notes on it, such as its tag in an index.
        platform: What the image behind it runs on, where the index says so.
        artifact_type: What it is when it is no image.
        attests: The manifest that this attestation manifest speaks of, as BuildKit marks it; None when it is none.
    """

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str]
    platform: Platform | None = None
    artifact_type: str | None = None
    attests: Digest | None = None

    @classmethod
    def read(cls, item: JsonObject) -> Descriptor:
        """Read a descriptor.

        Raises:
            ImageError: A value is missing or has the wrong shape.
        """
        platform = item.optional_object("platform")
        return cls(
            media_type=item.text("mediaType"),
            digest=item.digest("digest"),
            size=item.integer("size"),
            annotations=item.text_map("annotations"),
            platform=None if platform is None else read_platform(platform),
            artifact_type=item.optional_text("artifactType"),
            attests=_attested(item.optional_object("annotations")),
        )

    @property
    def kind(self) -> DocumentKind | None:
        """Whether the blob is an index or a manifest; None for anything else."""
        return _KINDS.get(self.media_type)

    @property
    def is_image(self) -> bool:
        """Whether an image can stand behind it: a manifest, and neither an attestation nor another artifact."""
        return (
            self.kind is DocumentKind.MANIFEST
            and _REFERENCE_TYPE not in self.annotations
            and self.artifact_type is None
            and self.platform != _NOT_A_PLATFORM
        )


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests: one per platform, or one per tag.

    Attributes:
        descriptors: What it points to, in its order.
        annotations: Notes on the index itself.
    """

    descriptors: tuple[Descriptor, ...]
    annotations: Mapping[str, str]

    @classmethod
    def parse(cls, data: bytes, where: str) -> Index:
        """Read an OCI index or a Docker manifest list.

        Raises:
            ImageError: It is no such document.
        """
        document = _document(data, where, DocumentKind.INDEX)
        items = document.objects("manifests")
        if len(items) > DESCRIPTORS:
            raise ImageError(f"the index lists {len(items)} manifests, more than {DESCRIPTORS}", where=where)
        return cls(tuple(map(Descriptor.read, items)), document.text_map("annotations"))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an image is made of.

    Attributes:
        media_type: OCI's or Docker's.
        config: The configuration's descriptor.
        layers: The layers' descriptors, lowest first.
        annotations: Notes on the image; these are not its labels.
    """

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]

    @classmethod
    def parse(cls, data: bytes, where: str, media_type: str) -> Manifest:
        """Read a manifest whose descriptor names it with the given media type.

        Raises:
            ImageError: It is no such document.
        """
        document = _document(data, where, DocumentKind.MANIFEST)
        layers = document.objects("layers")
        if len(layers) > LAYERS:
            raise ImageError(f"the manifest lists {len(layers)} layers, more than {LAYERS}", where=where)
        return cls(
            media_type=document.optional_text("mediaType") or media_type,
            config=Descriptor.read(document.mapping("config")),
            layers=tuple(map(Descriptor.read, layers)),
            annotations=document.text_map("annotations"),
        )

    @property
    def has_image_config(self) -> bool:
        """Whether the configuration is an image's, and not another artifact's."""
        return self.config.media_type in _CONFIG_TYPES


def read_platform(item: JsonObject) -> Platform:
    """Read the platform of a descriptor or of a configuration."""
    return Platform(item.text("os"), item.text("architecture"), item.optional_text("variant") or None)


def _attested(annotations: JsonObject | None) -> Digest | None:
    if annotations is None or annotations.optional_text(_REFERENCE_TYPE) != "attestation-manifest":
        return None
    return annotations.digest(_REFERENCE_DIGEST)


def _document(data: bytes, where: str, kind: DocumentKind) -> JsonObject:
    """Parse a document and make sure that it can be read in one way only.

    A document that is an index and a manifest at once means one image to one program and another to the next
    (CVE-2021-41190); the specification asks readers to refuse it.
    """
    document = JsonObject.parse(data, where)
    if document.integer("schemaVersion") != 2:
        raise ImageError(f"schemaVersion is {document.integer('schemaVersion')}, only 2 is supported", where=where)
    media_type = document.optional_text("mediaType")
    if media_type is not None and _KINDS.get(media_type) is not kind:
        raise ImageError(f"mediaType {media_type!r} does not say {kind.name.lower()}", where=where)
    has_index, has_manifest = "manifests" in document.value, "config" in document.value or "layers" in document.value
    if has_index and has_manifest:
        raise ImageError("the document is an index and a manifest at once", where=where)
    if not (has_index if kind is DocumentKind.INDEX else has_manifest):
        raise ImageError(f"the document is no {kind.name.lower()}", where=where)
    return document
