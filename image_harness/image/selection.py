"""The one image that a reference means, found among everything that a transport holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_harness.image.blobs import Blob
from image_harness.image.config import ImageConfig
from image_harness.image.manifest import Descriptor, Index, Manifest
from image_harness.types import Digest


@dataclass(frozen=True, slots=True)
class Selection:
    """An image's documents, read and checked, and its layers, not read yet.

    Attributes:
        config: The configuration.
        config_digest: Its digest, which Docker calls the image ID.
        layers: The layers' blobs, lowest first.
        manifest: The manifest; None where the transport has none.
        manifest_digest: Its digest; None where the transport has none.
        index: The index that lists the manifest; None where there is none.
        entry: What that index says of the manifest.
        attestations: The attestation manifests that speak of the manifest.
        top_digest: The digest by which the place itself lists the image: the manifest's, or that of an index of several
            platforms; None where the transport lists none.
    """

    config: ImageConfig
    config_digest: Digest
    layers: Sequence[Blob]
    manifest: Manifest | None = None
    manifest_digest: Digest | None = None
    index: Index | None = None
    entry: Descriptor | None = None
    attestations: tuple[Descriptor, ...] = ()
    top_digest: Digest | None = None

    @property
    def ids(self) -> frozenset[Digest]:
        """What an engine may call the image, depending on how it keeps images."""
        digests = (self.config_digest, self.manifest_digest, self.top_digest)
        return frozenset(digest for digest in digests if digest is not None)
