"""Descriptors, indexes and manifests become typed values; what could be read in two ways is refused."""

from __future__ import annotations

from typing import Any

import pytest

from image_harness.image import ImageError
from image_harness.image.manifest import Descriptor, DocumentKind, Index, Manifest
from image_harness.types import Digest, Platform
from tests.image.builder import DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, descriptor, dump

CONFIG = descriptor(b"{}", OCI_CONFIG)
LAYER = descriptor(b"layer", "application/vnd.oci.image.layer.v1.tar")
MANIFEST: dict[str, Any] = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
INDEX: dict[str, Any] = {"schemaVersion": 2, "manifests": []}


def test_a_manifest_has_every_value_of_its_document() -> None:
    found = Manifest.parse(dump({**MANIFEST, "annotations": {"a": "b"}}), "file", OCI_MANIFEST)
    assert found == Manifest(
        media_type=OCI_MANIFEST,
        config=Descriptor(OCI_CONFIG, Digest(CONFIG["digest"]), 2, {}),
        layers=(Descriptor(LAYER["mediaType"], Digest(LAYER["digest"]), 5, {}),),
        annotations={"a": "b"},
    )
    assert found.has_image_config


def test_a_manifest_that_names_its_own_type_is_taken_at_its_word() -> None:
    document = dump({**MANIFEST, "mediaType": DOCKER_MANIFEST})
    assert Manifest.parse(document, "file", OCI_MANIFEST).media_type == DOCKER_MANIFEST


def test_a_descriptor_has_every_value_of_its_object() -> None:
    subject = descriptor(b"subject", OCI_MANIFEST)["digest"]
    item = {
        **descriptor(b"x", OCI_MANIFEST),
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject,
        },
        "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
        "artifactType": "application/x",
    }
    index = Index.parse(dump({**INDEX, "manifests": [item], "annotations": {"c": "d"}}), "file")
    (found,) = index.descriptors
    assert (found.platform, found.artifact_type) == (Platform("linux", "arm", "v7"), "application/x")
    assert (found.attests, found.kind, found.is_image) == (Digest(subject), DocumentKind.MANIFEST, False)
    assert index.annotations == {"c": "d"}


@pytest.mark.parametrize(
    ("change", "is_image"),
    [
        ({}, True),
        ({"platform": {"os": "linux", "architecture": "arm64", "variant": ""}}, True),
        ({"platform": {"os": "unknown", "architecture": "unknown"}}, False),
        ({"artifactType": "application/x"}, False),
        ({"annotations": {"vnd.docker.reference.type": "other"}}, False),
        ({"mediaType": OCI_INDEX}, False),
        ({"mediaType": "text/plain"}, False),
    ],
)
def test_an_image_stands_behind_a_plain_manifest_only(change: dict[str, Any], is_image: bool) -> None:
    item = {**descriptor(b"x", OCI_MANIFEST), **change}
    (found,) = Index.parse(dump({**INDEX, "manifests": [item]}), "file").descriptors
    assert found.is_image is is_image


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**MANIFEST, "schemaVersion": 1}, "schemaVersion is 1, only 2 is supported"),
        ({**MANIFEST, "mediaType": OCI_INDEX}, f"mediaType '{OCI_INDEX}' does not say manifest"),
        ({**MANIFEST, "manifests": []}, "the document is an index and a manifest at once"),
        ({"schemaVersion": 2, "layers": [], "manifests": []}, "the document is an index and a manifest at once"),
        ({"schemaVersion": 2, "config": CONFIG, "manifests": []}, "the document is an index and a manifest at once"),
        (INDEX, "the document is no manifest"),
        ({"schemaVersion": 2}, "the document is no manifest"),
        ({"schemaVersion": 2, "layers": []}, "config is missing, not an object"),
    ],
)
def test_what_is_no_manifest_is_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError) as caught:
        Manifest.parse(dump(document), "file", OCI_MANIFEST)
    assert str(caught.value) == f"file: {message}"


def test_a_manifest_is_no_index() -> None:
    with pytest.raises(ImageError, match=r"^file: the document is no index$"):
        Index.parse(dump(MANIFEST), "file")
