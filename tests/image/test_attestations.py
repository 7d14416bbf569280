"""In-toto statements beside an image are read, checked, and never taken for a platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.image import Image, ImageError, ImageReference, open_image
from image_harness.types import Digest, Platform
from tests.image import builder
from tests.image.builder import ImageBuilder, dump

AMD = ImageBuilder(platform=builder.AMD64).layer({"which": b"amd64"})
ARM = ImageBuilder().layer({"which": b"arm64"})
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v0.1",
    "predicateType": "https://slsa.dev/provenance/v0.2",
    "subject": [{"name": "app", "digest": {"sha256": ARM.descriptor["digest"].removeprefix("sha256:")}}],
    "predicate": {"builder": {"id": ""}},
}


def _open(files: dict[str, bytes], folder: Path, suffix: str = "", platform: str = "linux/arm64") -> Image:
    reference = builder.write_directory(files, folder)
    return open_image(ImageReference.parse(reference + suffix), platform=Platform.parse(platform))


def _index(items: list[builder.Json], **changes: object) -> bytes:
    return dump({"schemaVersion": 2, "manifests": items, **changes})


def test_attestations_are_read_and_are_no_platform(tmp_path: Path) -> None:
    image = ImageBuilder(attestations=[STATEMENT]).layer({"which": b"arm64"})
    with _open(builder.layout([AMD, image]), tmp_path) as opened:
        (attestation,) = opened.attestations
        assert attestation.predicate_type == "https://slsa.dev/provenance/v0.2"
        assert attestation.subject == opened.manifest_digest == attestation.subjects[0]
        assert attestation.digest == Digest(builder.sha256(dump(STATEMENT)))
        assert attestation.statement["predicate"] == {"builder": {"id": ""}}


def test_all_attestations_are_read_and_one_that_is_missing_hides_no_other(tmp_path: Path) -> None:
    other = {**STATEMENT, "predicateType": "https://spdx.dev/Document"}
    image = ImageBuilder(attestations=[STATEMENT, other]).layer({"which": b"arm64"})
    files = image.layout()
    with _open(files, tmp_path / "both") as opened:
        assert [item.predicate_type for item in opened.attestations] == [
            "https://slsa.dev/provenance/v0.2",
            "https://spdx.dev/Document",
        ]
    first = next(name for name, data in files.items() if b"in-toto+json" in data)
    with _open({name: data for name, data in files.items() if name != first}, tmp_path / "one") as opened:
        assert [item.predicate_type for item in opened.attestations] == ["https://spdx.dev/Document"]


def test_attestations_of_another_platforms_image_are_left_out(tmp_path: Path) -> None:
    image = ImageBuilder(platform=builder.AMD64, attestations=[STATEMENT]).layer({"which": b"amd64"})
    with _open(builder.layout([image, ARM]), tmp_path) as opened:
        assert opened.attestations == ()


def test_an_image_with_attestation_can_be_named_by_its_own_digest(tmp_path: Path) -> None:
    image = ImageBuilder(attestations=[STATEMENT]).layer({"which": b"arm64"})
    with _open(image.layout(), tmp_path, f"@{image.descriptor['digest']}") as opened:
        assert len(opened.attestations) == 1


def test_a_damaged_attestation_is_refused(tmp_path: Path) -> None:
    image = ImageBuilder(attestations=[STATEMENT]).layer({"which": b"arm64"})
    files = image.layout()
    name = next(name for name, data in files.items() if b"predicateType" in data)
    files[name] = files[name].replace(b"provenance", b"PROVENANCE")
    with pytest.raises(ImageError, match=f"{name}: the content's digest is"):
        _open(files, tmp_path)


def test_an_attestation_whose_own_subject_has_no_digest_is_refused(tmp_path: Path) -> None:
    statement = {**STATEMENT, "subject": [{"name": "app", "digest": {"sha256": "xy"}}]}
    files = ImageBuilder(attestations=[statement]).layer({"which": b"arm64"}).layout()
    name = next(name for name, data in files.items() if b"predicateType" in data)
    with pytest.raises(ImageError, match=rf"^{tmp_path}/{name}: subject: not a sha256 digest: 'sha256:xy'"):
        _open(files, tmp_path)


def test_an_attestation_of_no_digest_is_refused(tmp_path: Path) -> None:
    files = ARM.layout(nested=False)
    annotations = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:?"}
    files["index.json"] = _index([ARM.descriptor, {**ARM.descriptor, "annotations": annotations}])
    with pytest.raises(ImageError, match=r"manifests\[1\].annotations.vnd.docker.reference.digest is the text"):
        _open(files, tmp_path)


def test_an_attestation_that_the_engine_did_not_keep_is_left_out(tmp_path: Path) -> None:
    image = ImageBuilder(attestations=[STATEMENT]).layer({"which": b"arm64"})
    files = image.layout()
    manifests = [name for name, data in files.items() if b"in-toto+json" in data]
    del files[manifests[0]]
    with _open(files, tmp_path) as opened:
        assert opened.attestations == ()
