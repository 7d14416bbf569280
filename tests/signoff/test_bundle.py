from __future__ import annotations

import base64
import json

import pytest

from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.keys import PrivateKey


def test_a_bundle_holds_the_envelope_and_names_the_key(key: PrivateKey) -> None:
    envelope = Envelope.sign(b"{}", key)
    bundle = Bundle.of_key(envelope, key.public)

    assert Bundle.parse(bundle.data, "here") == bundle
    assert not bundle.keyless
    hint = json.loads(bundle.data)["verificationMaterial"]["publicKey"]["hint"]
    assert base64.b64decode(hint) == key.public.fingerprint


def test_a_bundle_with_a_certificate_is_keyless(key: PrivateKey) -> None:
    document = json.loads(Bundle.of_key(Envelope.sign(b"{}", key), key.public).data)
    document["verificationMaterial"] = {"certificate": {"rawBytes": ""}, "tlogEntries": []}

    assert Bundle.parse(json.dumps(document).encode(), "here").keyless


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"verificationMaterial":{},"messageSignature":{}}'])
def test_what_holds_no_statement_is_told_so(data: bytes) -> None:
    with pytest.raises(NotVerifiedError, match="the bundle is damaged, or is not one of a statement"):
        Bundle.parse(data, "here")
