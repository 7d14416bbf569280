from __future__ import annotations

import json

import httpx
import pytest

from image_harness.errors import HarnessError
from image_harness.signoff import bundle, referrers
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.referrers import attach, attach_for_cosign, find_statements
from image_harness.signoff.registry import OCI_INDEX, OCI_MANIFEST, Document, Registry, digest_of
from image_harness.signoff.repository import Repository
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


def test_a_list_of_several_pages_is_read_to_its_end(registry: Registry, fake: FakeRegistry, key: PrivateKey) -> None:
    fake.page = 2
    written = [b'{"statement":%d}' % number for number in range(5)]
    for payload in written:
        packed = Bundle.of_key(Envelope.sign(payload, key), key.public)
        attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, NOTE)

    assert payloads(registry) == written


def test_a_list_that_is_too_long_is_not_cut_off(
    registry: Registry, packed: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(referrers, "_MAX_ENTRIES", 2)
    for number in range(2):
        attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, {"number": str(number)})
    assert len(payloads(registry)) == 2

    attach(registry, SUBJECT, packed.data, bundle.MEDIA_TYPE, {"number": "2"})
    with pytest.raises(HarnessError, match="lists more than 2 things that refer to it"):
        payloads(registry)


def listing(link: str) -> Registry:
    """A registry whose every answer is an empty page with a link to the next."""
    headers = {"Content-Type": OCI_INDEX, "Link": link}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b'{"manifests":[]}', headers=headers))
    return Registry(Repository("127.0.0.1:5000", "lucid/rdp-monitor"), transport)


def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referrers, "_MAX_ENTRIES", 3)

    with listing('</v2/lucid/rdp-monitor/referrers/x>; rel="next"') as registry, pytest.raises(HarnessError, match="3"):
        payloads(registry)


@pytest.mark.parametrize("place", ["https://evil.example/x", "http://127.0.0.1:5001/x", "http://[:::]/x"])
def test_a_list_that_goes_on_elsewhere_is_not_followed(place: str) -> None:
    with (
        listing(f'<{place}>; rel="next"') as registry,
        pytest.raises(HarnessError, match="the registry continues its list elsewhere"),
    ):
        payloads(registry)


def test_the_next_page_is_not_taken_for_the_end_when_it_is_not_there() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "last" in request.url.params:
            return httpx.Response(404)
        headers = {"Content-Type": OCI_INDEX, "Link": f'<{request.url.path}?last=1>; rel="next"'}
        return httpx.Response(200, content=b'{"manifests":[]}', headers=headers)

    repository = Repository("127.0.0.1:5000", "lucid/rdp-monitor")
    with Registry(repository, httpx.MockTransport(answer)) as registry, pytest.raises(HarnessError, match="404"):
        payloads(registry)


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
