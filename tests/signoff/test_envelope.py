from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from image_harness.signoff.envelope import Envelope, Signature, pre_authentication_encoding
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keys import PrivateKey

PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'


def test_the_encoding_is_the_one_of_the_specification() -> None:
    assert pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_what_was_signed_verifies_after_a_round_trip(key: PrivateKey) -> None:
    envelope = Envelope.parse(Envelope.sign(PAYLOAD, key).to_bytes(), "here")

    envelope.verify(key.public, "here")
    assert envelope.payload == PAYLOAD


def test_one_of_several_signatures_is_enough(key: PrivateKey, other_key: PrivateKey) -> None:
    signatures = (*Envelope.sign(PAYLOAD, other_key).signatures, *Envelope.sign(PAYLOAD, key).signatures)

    Envelope(PAYLOAD, signatures).verify(key.public, "here")


def test_another_key_is_told_from_an_altered_statement(key: PrivateKey, other_key: PrivateKey) -> None:
    envelope = Envelope.sign(PAYLOAD, key)

    with pytest.raises(NotVerifiedError, match=re.escape(f"here: signed with another key: {key.public.key_id}, not")):
        envelope.verify(other_key.public, "here")
    with pytest.raises(NotVerifiedError, match="altered after it was signed: the key is the right one"):
        replace(envelope, payload=PAYLOAD.replace(b"v1", b"v2")).verify(key.public, "here")


def test_a_signer_that_names_no_key_leaves_both_open(key: PrivateKey, other_key: PrivateKey) -> None:
    unnamed = Envelope(PAYLOAD, (Signature("", Envelope.sign(PAYLOAD, key).signatures[0].value),))

    unnamed.verify(key.public, "here")
    with pytest.raises(NotVerifiedError, match="another key made it, or the statement was altered"):
        unnamed.verify(other_key.public, "here")


def test_a_key_that_only_claims_to_have_signed_has_not(key: PrivateKey, other_key: PrivateKey) -> None:
    forged = Envelope(PAYLOAD, (Signature(key.public.key_id, Envelope.sign(PAYLOAD, other_key).signatures[0].value),))

    with pytest.raises(NotVerifiedError, match="altered after it was signed"):
        forged.verify(key.public, "here")


def test_the_type_of_the_payload_is_part_of_what_is_signed(key: PrivateKey) -> None:
    other = replace(Envelope.sign(PAYLOAD, key), payload_type="application/json")

    with pytest.raises(NotVerifiedError, match="the envelope was altered: its payload type is 'application/json'"):
        other.verify(key.public, "here")


def test_an_envelope_without_a_signature_proves_nothing(key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match="no signature"):
        Envelope(PAYLOAD, ()).verify(key.public, "here")


def damage(key: PrivateKey, **changes: object) -> bytes:
    return json.dumps({**Envelope.sign(PAYLOAD, key).to_document(), **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": "not base64!"},
        {"payload": "é"},
        {"payload": base64.b64encode(PAYLOAD).decode() + "\n"},
        {"payload": None},
        {"payload": 1},
        {"signatures": None},
        {"signatures": [{}]},
        {"signatures": [{"sig": "%"}]},
        {"signatures": [{"sig": "é"}]},
        {"signatures": ["sig"]},
        {"payloadType": None},
    ],
)
def test_a_damaged_envelope_is_told_so(changes: dict[str, Any], key: PrivateKey) -> None:
    with pytest.raises(NotVerifiedError, match="here: the envelope is damaged"):
        Envelope.parse(damage(key, **changes), "here")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_envelope_is_told_so(data: bytes) -> None:
    with pytest.raises(NotVerifiedError, match="the envelope is damaged"):
        Envelope.parse(data, "here")


def test_both_base64_alphabets_are_read(key: PrivateKey) -> None:
    payload = b"\xfb\xff\xfe" * 3
    document = Envelope.sign(payload, key).to_document()
    document["payload"] = base64.urlsafe_b64encode(payload).decode()

    Envelope.parse(json.dumps(document).encode(), "here").verify(key.public, "here")


def test_no_bit_of_an_envelope_can_be_flipped(key: PrivateKey) -> None:
    """Whatever is flipped, what is verified is either refused or the very statement that was signed."""
    data = Envelope.sign(PAYLOAD, key).to_bytes()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1
        try:
            envelope = Envelope.parse(bytes(flipped), "here")
            envelope.verify(key.public, "here")
        except NotVerifiedError:
            continue
        assert envelope.payload == PAYLOAD
