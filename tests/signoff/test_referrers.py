from __future__ import annotations

import json

import pytest

from image_harness.signoff import bundle
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.referrers import attach, attach_for_cosign, find_statements
from image_harness.signoff.registry import OCI_MANIFEST, Document, Registry, digest_of
from image_harness.signoff.statement import PREDICATE_TYPE
from tests.signoff.fake_registry import FakeRegistry

SUBJECT = Document(b'{"schemaVersion":2}', OCI_MANIFEST, digest_of(b'{"schemaVersion":2}'))
NOTE = {"dev.sigstore.bundle.content": "dsse-envelope"}


@pytest.fixture
def packed(key: PrivateKey) -> Bundle:
    return Bundle.of_key(Envelope.sign(b'{"statement":1}', key), key.public)


def payloads(registry: Registry) -> list[bytes]:
    return [found.envelope.payload for found in find_statements(registry, SUBJECT.digest) if found.envelope]


def test_nothing_is_attached_to_a_new_image(registry: Registry) -> None:
    assert payloads(registry) == []


def test_what_is_attached_is_found(registry: Registry, packed: Bundle) -> None:
    attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)

    (found,) = find_statements(registry, SUBJECT.digest)
    assert found.envelope == packed.envelope
    assert found.bundle == packed
    assert list(find_statements(registry, digest_of(b"another"))) == []


def test_the_referrer_is_a_manifest_as_the_specification_has_it(
    registry: Registry, fake: FakeRegistry, packed: Bundle
) -> None:
    digest = attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)

    manifest = json.loads(fake.manifests[str(digest)][0])
    assert manifest["artifactType"] == bundle.MEDIA_TYPE
    assert manifest["subject"] == {"mediaType": OCI_MANIFEST, "digest": str(SUBJECT.digest), "size": 19}
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert manifest["annotations"] == NOTE


def test_the_index_for_old_registries_is_kept_only_there(
    registry: Registry, fake: FakeRegistry, packed: Bundle
) -> None:
    attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)

    tag = f"sha256-{SUBJECT.digest.hex}"
    assert (tag in fake.manifests) is not fake.knows_referrers


def test_attaching_twice_lists_it_once(registry: Registry, packed: Bundle) -> None:
    for _ in range(2):
        attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)
        attach_for_cosign(registry, SUBJECT.digest, packed.envelope, PREDICATE_TYPE)

    assert len(payloads(registry)) == 2  # the bundle and cosign's


def test_what_others_have_attached_stays(registry: Registry, packed: Bundle, other_key: PrivateKey) -> None:
    theirs = Envelope.sign(b'{"statement":2}', other_key)
    attach_for_cosign(registry, SUBJECT.digest, theirs, "https://slsa.dev/provenance/v1")
    attach(registry, SUBJECT, b"{}", "application/vnd.cyclonedx+json", {})
    attach_for_cosign(registry, SUBJECT.digest, packed.envelope, PREDICATE_TYPE)
    attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)

    assert payloads(registry) == [b'{"statement":1}', b'{"statement":2}', b'{"statement":1}']


def test_a_bill_of_materials_is_not_taken_for_a_statement(registry: Registry, fake: FakeRegistry) -> None:
    attach(registry, SUBJECT, b'{"bomFormat":"CycloneDX"}', "application/vnd.cyclonedx+json", {})
    fake.asked.clear()

    assert payloads(registry) == []
    assert not [line for line in fake.asked if "/blobs/" in line]


def test_a_referrer_that_speaks_of_another_image_is_passed_over(
    registry: Registry, fake: FakeRegistry, packed: Bundle
) -> None:
    other = Document(b"{}", OCI_MANIFEST, digest_of(b"{}"))
    digest = attach(registry, other, packed.data, bundle.MEDIA_TYPE, NOTE)
    entry = {"mediaType": OCI_MANIFEST, "digest": str(digest), "size": 1, "artifactType": bundle.MEDIA_TYPE}
    lie = json.dumps({"manifests": [entry]}).encode()
    fake.knows_referrers = False
    fake.manifests[f"sha256-{SUBJECT.digest.hex}"] = (lie, "application/vnd.oci.image.index.v1+json")

    assert payloads(registry) == []


def test_an_altered_statement_is_reported_as_damage(registry: Registry, fake: FakeRegistry, packed: Bundle) -> None:
    attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)
    fake.blobs[str(digest_of(packed.data))] = packed.data.replace(b"publicKey", b"publicKex")

    (found,) = find_statements(registry, SUBJECT.digest)
    assert found.envelope is None
    assert "the blob was altered" in str(found.damage)
