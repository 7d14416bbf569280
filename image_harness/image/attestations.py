"""What stands beside an image: in-toto statements that BuildKit and others attach to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from image_harness.errors import HarnessError
from image_harness.image.blobs import BlobSource, blob_name, read_document
from image_harness.image.documents import JsonObject
from image_harness.image.errors import ImageError
from image_harness.image.limits import ATTESTATION_BYTES, JSON_BYTES
from image_harness.image.manifest import Descriptor, Manifest
from image_harness.types import Digest

_IN_TOTO: Final = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Attestation:
    """One in-toto statement about an image.

    Attributes:
        predicate_type: What kind of statement it is, as a URI.
        subject: The manifest that the index says it speaks of.
        subjects: The sha256 digests that the statement itself names.
        digest: Of the statement.
        statement: The statement's JSON.
    """

    predicate_type: str
    subject: Digest
    subjects: tuple[Digest, ...]
    digest: Digest
    statement: Mapping[str, object] = field(repr=False)


def read_attestations(source: BlobSource, descriptors: tuple[Descriptor, ...]) -> tuple[Attestation, ...]:
    """Read the statements behind attestation manifests.

    An engine may know of an attestation without keeping it: a manifest that is not there is left out.

    Raises:
        ImageError: A document is damaged or is no statement.
    """
    found = []
    for descriptor in descriptors:
        subject = descriptor.attests
        if subject is None or source.find(blob_name(descriptor.digest)) is None:
            continue
        manifest = Manifest.parse(*read_document(source, descriptor, JSON_BYTES), descriptor.media_type)
        found += [_read(source, layer, subject) for layer in manifest.layers if layer.media_type == _IN_TOTO]
    return tuple(found)


def _read(source: BlobSource, descriptor: Descriptor, subject: Digest) -> Attestation:
    statement = JsonObject.parse(*read_document(source, descriptor, ATTESTATION_BYTES))
    digests = (item.mapping("digest").optional_text("sha256") for item in statement.objects("subject"))
    try:
        subjects = tuple(Digest(f"sha256:{value}") for value in digests if value is not None)
    except HarnessError as error:
        raise ImageError(f"subject: {error.what}", where=statement.where) from None
    return Attestation(statement.text("predicateType"), subject, subjects, descriptor.digest, statement.value)
