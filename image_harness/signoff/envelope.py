"""DSSE envelopes (https://github.com/secure-systems-lab/dsse, version 1.0.2) around in-toto statements."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from pydantic import BaseModel, Field, ValidationError

from image_harness.errors import first_problem
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keys import PrivateKey, PublicKey

MEDIA_TYPE: Final = "application/vnd.dsse.envelope.v1+json"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class _SignatureDocument(BaseModel):
    keyid: str | None = None
    sig: str


class EnvelopeDocument(BaseModel):
    """An envelope as JSON has it."""

    payload: str
    payload_type: str = Field(alias="payloadType")
    signatures: tuple[_SignatureDocument, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of an envelope.

    Attributes:
        key_id: Which key made it, as the signer calls it; "" where the signer does not say. A hint, proof of nothing.
        value: ECDSA over P-256 and SHA-256, DER-encoded.
    """

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed statement.

    Attributes:
        payload: The statement's very bytes.
        signatures: At least one.
        payload_type: What the payload is.
    """

    payload: bytes
    signatures: tuple[Signature, ...]
    payload_type: str = PAYLOAD_TYPE

    @classmethod
    def sign(cls, payload: bytes, key: PrivateKey) -> Envelope:
        """Sign a statement."""
        signature = key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
        return cls(payload, (Signature(key.public.key_id, signature),))

    @classmethod
    def parse(cls, data: bytes, where: str) -> Envelope:
        """Read an envelope.

        Raises:
            NotVerifiedError: It is damaged.
        """
        try:
            return cls.from_document(EnvelopeDocument.model_validate_json(data), where)
        except ValidationError as error:
            raise NotVerifiedError(f"the envelope is damaged: {first_problem(error)}", where=where) from None

    @classmethod
    def from_document(cls, document: EnvelopeDocument, where: str) -> Envelope:
        """Read an envelope out of parsed JSON.

        Raises:
            NotVerifiedError: It is damaged.
        """
        try:
            signatures = tuple(Signature(item.keyid or "", _decode(item.sig)) for item in document.signatures)
            return cls(_decode(document.payload), signatures, document.payload_type)
        except ValueError:  # of which binascii.Error is one, and text that is not ASCII another
            raise NotVerifiedError("the envelope is damaged: not base64", where=where) from None

    def to_document(self) -> dict[str, Any]:
        """The envelope as JSON has it."""
        return {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.payload).decode(),
            "signatures": [
                {"keyid": item.key_id, "sig": base64.b64encode(item.value).decode()} for item in self.signatures
            ],
        }

    def to_bytes(self) -> bytes:
        """The envelope as a file."""
        return json.dumps(self.to_document(), separators=(",", ":")).encode()

    def verify(self, key: PublicKey, where: str) -> None:
        """Check that the key's owner has signed this very payload.

        Raises:
            NotVerifiedError: Nobody has signed it, somebody else has, or it was altered afterwards.
        """
        if self.payload_type != PAYLOAD_TYPE:
            what = f"the envelope was altered: its payload type is {self.payload_type!r}, not {PAYLOAD_TYPE!r}"
            raise NotVerifiedError(what, where=where)
        if not self.signatures:
            raise NotVerifiedError("the envelope has no signature", where=where)
        message = pre_authentication_encoding(self.payload_type, self.payload)
        for signature in self.signatures:
            try:
                key.verify(signature.value, message)
            except InvalidSignature:
                continue
            return
        raise self._unverified(key, where)

    def _unverified(self, key: PublicKey, where: str) -> NotVerifiedError:
        signers = {signature.key_id for signature in self.signatures}
        if key.key_id in signers:
            return NotVerifiedError(
                "the statement or its signature was altered after it was signed: the key is the right one, "
                "the signature does not fit what is there",
                where=where,
            )
        if "" not in signers:
            what = f"signed with another key: {', '.join(sorted(signers))}, not {key.key_id}"
            return NotVerifiedError(what, where=where)
        return NotVerifiedError(
            "the signature does not verify: another key made it, or the statement was altered", where=where
        )


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload with their lengths, so that neither can be taken for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _decode(text: str) -> bytes:
    # DSSE allows both alphabets; nothing else may stand between, or two texts would be one envelope.
    return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
