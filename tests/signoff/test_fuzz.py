"""Whatever a registry or a file gives: it is refused in one line, or it is what was signed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_harness.errors import HarnessError
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.claims import read_claims
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.platforms import blobs_of, platform_manifest
from image_harness.signoff.policy import load_policy
from image_harness.signoff.referrers import find_statements
from image_harness.signoff.registry import OCI_INDEX, Document, Registry, digest_of
from image_harness.signoff.repository import Repository
from tests.signoff.made import statement

KEYS = st.sampled_from(
    (
        *("payload", "payloadType", "signatures", "sig", "keyid", "manifests", "layers", "config", "subject", "digest"),
        *("mediaType", "artifactType", "platform", "os", "predicate", "predicateType", "_type", "signOff", "result"),
        *("verificationMaterial", "dsseEnvelope", "publicKey", "keys", "max_age", "allow", "design", "identities"),
    )
)
DIGESTS = st.sampled_from([str(digest_of(b"a")), "sha256:x", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | DIGESTS
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12
)
REPOSITORY = Repository("127.0.0.1:5000", "a")


@contextlib.contextmanager
def refused_in_one_line() -> Iterator[None]:
    """What happens inside may be refused; then in one line."""
    problem = ""
    try:
        yield
    except HarnessError as error:
        problem = str(error)
    assert "\n" not in problem


@given(st.binary(max_size=64) | DOCUMENTS.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_envelope_bundle_or_statement_is_refused(data: bytes) -> None:
    for read in (Envelope.parse, Bundle.parse, read_claims):
        with pytest.raises(NotVerifiedError) as caught:
            read(data, "here")
        assert "\n" not in str(caught.value)


@given(DOCUMENTS)
def test_whatever_a_registry_answers_is_no_crash(answer: object) -> None:
    content = json.dumps(answer).encode()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content, headers={"Content-Type": OCI_INDEX}))
    with Registry(REPOSITORY, transport) as registry, refused_in_one_line():
        assert all(attached.envelope is None for attached in find_statements(registry, digest_of(b"a")))


@given(DOCUMENTS)
def test_whatever_stands_for_an_image_is_no_crash(answer: object) -> None:
    content = json.dumps(answer).encode()
    document = Document(content, OCI_INDEX, digest_of(content))
    headers = {"Content-Type": OCI_INDEX}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content, headers=headers))
    with Registry(REPOSITORY, transport) as registry:
        with refused_in_one_line():
            platform_manifest(registry, document.digest)
        with refused_in_one_line():
            blobs_of(document)


@given(value=DOCUMENTS)
def test_whatever_a_policy_says_is_understood_or_refused(
    value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "policy.yaml"
    path.write_text(json.dumps(value))
    with refused_in_one_line():
        load_policy(path)


@given(st.integers(0, len(statement()) - 1), st.integers(1, 255))
def test_an_altered_byte_of_a_statement_is_read_or_refused(place: int, change: int) -> None:
    data = bytearray(statement())
    data[place] ^= change
    with refused_in_one_line():
        read_claims(bytes(data), "here")
