"""Sigstore bundles (application/vnd.dev.sigstore.bundle.v0.3+json): an envelope with what it is verified by.

A bundle of a key names the key by its fingerprint; one signed without a key holds a certificate and the entry of a
transparency log. See https://github.com/sigstore/protobuf-specs.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from image_harness.errors import first_problem
from image_harness.signoff.envelope import Envelope, EnvelopeDocument
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keys import PublicKey

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
ANY_VERSION: Final = "application/vnd.dev.sigstore.bundle"


class _Document(BaseModel):
    material: dict[str, object] = Field(alias="verificationMaterial")
    envelope: EnvelopeDocument = Field(alias="dsseEnvelope")


@dataclass(frozen=True, slots=True)
class Bundle:
    """An envelope and its verification material.

    Attributes:
        envelope: What was signed.
        data: The bundle's bytes.
        keyless: Whether a certificate stands for the signer, instead of a key.
    """

    envelope: Envelope
    data: bytes
    keyless: bool

    @classmethod
    def of_key(cls, envelope: Envelope, key: PublicKey) -> Bundle:
        """Pack an envelope that a key has signed."""
        document = {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": base64.b64encode(key.fingerprint).decode()}},
            "dsseEnvelope": envelope.to_document(),
        }
        return cls(envelope, json.dumps(document, separators=(",", ":")).encode(), keyless=False)

    @classmethod
    def parse(cls, data: bytes, where: str) -> Bundle:
        """Read a bundle.

        Raises:
            NotVerifiedError: It is damaged or holds no envelope.
        """
        try:
            document = _Document.model_validate_json(data)
        except ValidationError as error:
            what = f"the bundle is damaged, or is not one of a statement: {first_problem(error)}"
            raise NotVerifiedError(what, where=where) from None
        envelope = Envelope.from_document(document.envelope, where)
        return cls(envelope, data, keyless="publicKey" not in document.material)
