from __future__ import annotations

import json

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.platforms import blobs_of, platform_manifest
from image_harness.signoff.registry import OCI_INDEX, OCI_MANIFEST, Document, Registry, digest_of
from image_harness.types import Digest
from tests.signoff.fake_registry import FakeRegistry

MANIFEST = b'{"schemaVersion":2}'


def index(*platforms: tuple[str, str]) -> bytes:
    entry = {"mediaType": OCI_MANIFEST, "digest": str(digest_of(MANIFEST)), "size": len(MANIFEST)}
    entries = [{**entry, "platform": {"os": os, "architecture": architecture}} for os, architecture in platforms]
    return json.dumps({"schemaVersion": 2, "manifests": entries}).encode()


def pushed(registry: Registry, content: bytes, media_type: str = OCI_INDEX) -> Digest:
    registry.push_manifest(digest_of(content), content, media_type)
    return digest_of(content)


def test_a_manifest_stands_for_itself(registry: Registry) -> None:
    assert platform_manifest(registry, pushed(registry, MANIFEST, OCI_MANIFEST)).content == MANIFEST


def test_an_index_stands_for_the_manifest_of_the_platform(registry: Registry) -> None:
    pushed(registry, MANIFEST, OCI_MANIFEST)
    digest = pushed(registry, index(("unknown", "unknown"), ("linux", "arm64")))

    assert platform_manifest(registry, digest).content == MANIFEST


def test_an_image_that_is_not_there_is_told(registry: Registry) -> None:
    with pytest.raises(HarnessError, match="there is no image sha256:"):
        platform_manifest(registry, digest_of(b"nothing"))


def test_an_index_without_the_platform_is_told(registry: Registry) -> None:
    with pytest.raises(HarnessError, match="the index lists no image for linux/arm64"):
        platform_manifest(registry, pushed(registry, index(("linux", "amd64"))))


def test_an_index_that_lists_what_is_not_there_is_told(registry: Registry) -> None:
    with pytest.raises(HarnessError, match="which is not there"):
        platform_manifest(registry, pushed(registry, index(("linux", "arm64"))))


@pytest.mark.parametrize("content", [b'"text"', b'{"manifests":1}', b'{"manifests":[1]}', b"[" * 100_000])
def test_what_is_neither_is_refused(content: bytes, registry: Registry, fake: FakeRegistry) -> None:
    fake.manifests[str(digest_of(content))] = (content, OCI_INDEX)

    with pytest.raises(NotVerifiedError, match="no manifest and no index"):
        platform_manifest(registry, digest_of(content))


def test_an_image_is_its_configuration_and_its_layers() -> None:
    first, second = {"digest": str(digest_of(b"1"))}, {"digest": str(digest_of(b"2"))}
    content = json.dumps({"config": first, "layers": [second, second]}).encode()

    assert blobs_of(Document(content, OCI_MANIFEST, digest_of(content))) == (digest_of(b"1"), digest_of(b"2"))


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"config":{"digest":"x"},"layers":1}', b"{", b"[" * 100_000])
def test_what_has_neither_is_no_image(content: bytes) -> None:
    with pytest.raises(NotVerifiedError, match="no manifest of an image"):
        blobs_of(Document(content, OCI_MANIFEST, digest_of(content)))
