"""One image is found among tags, platforms, nested indexes and attestations; a doubtful choice is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.image import Image, ImageError, ImageReference, open_image
from image_harness.types import Digest, Platform
from tests.image import builder
from tests.image.builder import ARM64, DOCKER_LIST, OCI_INDEX, OCI_MANIFEST, ImageBuilder, dump, sha256

AMD = ImageBuilder(platform=builder.AMD64).layer({"which": b"amd64"})
ARM = ImageBuilder().layer({"which": b"arm64"})
ARM_V7 = ImageBuilder(platform={"os": "linux", "architecture": "arm", "variant": "v7"}).layer({"which": b"v7"})


def _open(files: dict[str, bytes], folder: Path, suffix: str = "", platform: str = "linux/arm64") -> Image:
    reference = builder.write_directory(files, folder)
    return open_image(ImageReference.parse(reference + suffix), platform=Platform.parse(platform))


def _which(files: dict[str, bytes], folder: Path, suffix: str = "", platform: str = "linux/arm64") -> str:
    with _open(files, folder, suffix, platform) as image:
        return image.filesystem.read_text("/which")


def _index(items: list[builder.Json], **changes: object) -> bytes:
    return dump({"schemaVersion": 2, "manifests": items, **changes})


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("platform", ["linux/arm64", "linux/amd64", "linux/arm/v7"])
def test_the_platform_decides_among_several(tmp_path: Path, platform: str, nested: bool) -> None:
    files = builder.layout([AMD, ARM, ARM_V7], tag=None, nested=nested)
    assert platform.endswith(_which(files, tmp_path, platform=platform))


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8"])
def test_two_images_for_one_platform_are_a_doubtful_choice_though_only_one_names_the_variant(
    tmp_path: Path, platform: str, nested: bool
) -> None:
    plain, with_variant = (ImageBuilder().layer({"which": name}) for name in (b"plain", b"variant"))
    with_variant.platform["variant"] = "v8"
    files = builder.layout([with_variant, plain, AMD], nested=nested)
    with pytest.raises(ImageError, match=f"holds 2 images for {platform}; add :TAG or @DIGEST; tags are latest"):
        _open(files, tmp_path, platform=platform)
    assert _which(files, tmp_path, f"@{plain.descriptor['digest']}", platform) == "plain"


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8"])
@pytest.mark.parametrize("variant", [None, "v8"])
def test_an_image_for_arm64_may_name_its_variant_or_not(tmp_path: Path, platform: str, variant: str | None) -> None:
    image = ImageBuilder(platform={**ARM64, "variant": variant} if variant else ARM64).layer({"which": b"arm64"})
    assert _which(builder.layout([AMD, image]), tmp_path, platform=platform) == "arm64"


def test_a_platform_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no image for linux/s390x, only for linux/amd64, linux/arm64"):
        _open(builder.layout([AMD, ARM]), tmp_path, platform="linux/s390x")


def test_the_only_image_is_taken_whatever_its_platform_so_that_a_check_can_say_so(tmp_path: Path) -> None:
    with _open(AMD.layout(), tmp_path) as image:
        assert image.platform == Platform.LINUX_AMD64


def test_configuration_and_index_may_disagree_and_both_are_shown(tmp_path: Path) -> None:
    files = AMD.layout(nested=False)
    files["index.json"] = _index([{**AMD.descriptor, "platform": ARM64}])
    with _open(files, tmp_path) as image:
        assert (image.platform, image.index_platform) == (Platform.LINUX_AMD64, Platform.LINUX_ARM64)


def test_an_index_without_platforms_is_decided_by_the_configurations(tmp_path: Path) -> None:
    files = builder.layout([AMD, ARM])
    items = [builder.descriptor(image.manifest, OCI_MANIFEST) for image in (AMD, ARM)]
    files["index.json"] = _index(items)
    assert _which(files, tmp_path, platform="linux/amd64") == "amd64"


def test_a_docker_manifest_list_is_an_index(tmp_path: Path) -> None:
    files = builder.layout([AMD, ARM])
    inner = _index([AMD.descriptor, ARM.descriptor], mediaType=DOCKER_LIST)
    builder.add_blob(files, inner)
    files["index.json"] = _index([builder.descriptor(inner, DOCKER_LIST)])
    assert _which(files, tmp_path) == "arm64"


def test_tag_and_digest_choose_and_a_missing_choice_names_the_tags(tmp_path: Path) -> None:
    other = ImageBuilder().layer({"which": b"other"})
    files = {**ARM.layout(), **other.layout()}
    items = [
        {**ARM.descriptor, "annotations": {builder.REF_NAME: "one"}},
        {**other.descriptor, "annotations": {"io.containerd.image.name": "docker.io/library/app:two"}},
    ]
    files["index.json"] = _index(items)
    assert _which(files, tmp_path, ":one") == "arm64"
    for name in (":app:two", ":library/app:two", ":docker.io/library/app:two"):
        assert _which(files, tmp_path, name) == "other"
    assert _which(files, tmp_path, f"@{other.descriptor['digest']}") == "other"
    with pytest.raises(ImageError, match=r"2 images for linux/arm64; add :TAG or @DIGEST; tags are .*app:two.*one"):
        _open(files, tmp_path)
    with pytest.raises(ImageError, match="holds no image three; it has app:two"):
        _open(files, tmp_path, ":three")
    with pytest.raises(ImageError, match="holds no image sha256:"):
        _open(files, tmp_path, f"@{sha256(b'')}")


def test_a_digest_may_name_a_manifest_inside_a_nested_index(tmp_path: Path) -> None:
    files = builder.layout([AMD, ARM])
    assert _which(files, tmp_path, f"@{AMD.descriptor['digest']}") == "amd64"


def _change(**files: bytes | None) -> dict[str, bytes]:
    changed = dict(ARM.layout(nested=False))
    for name, data in files.items():
        plain = name.replace("_", ".", 1) if name == "index_json" else name.replace("_", "-")
        if data is None:
            del changed[plain]
        else:
            changed[plain] = data
    return changed


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (_change(index_json=None), "no OCI layout: it has no index.json"),
        (_change(oci_layout=None), "no OCI layout: it has no oci-layout"),
        (_change(oci_layout=b'{"imageLayoutVersion": "2.0.0"}'), "imageLayoutVersion is '2.0.0', only 1 is supported"),
        (_change(oci_layout=b"[]"), "oci-layout: the JSON is a list"),
        (_change(index_json=b""), "index.json: not JSON"),
        (_change(index_json=b" " * 5_000_000), "index.json: has 5000000 bytes, more than 4194304"),
        (_change(index_json=_index([])), "holds no image at all; it names none"),
        (_change(index_json=_index([], schemaVersion=1)), "schemaVersion is 1, only 2 is supported"),
        (_change(index_json=_index([], mediaType=OCI_MANIFEST)), "does not say index"),
        (_change(index_json=_index([], config={})), "an index and a manifest at once"),
        (_change(index_json=dump({"schemaVersion": 2})), "the document is no index"),
        (_change(index_json=_index([{"digest": sha256(b"")}])), r"manifests\[0\].mediaType is missing"),
        (_change(index_json=_index([ARM.descriptor] * 1001)), "the index lists 1001 manifests, more than 1000"),
        (
            _change(index_json=_index([builder.descriptor(b"absent", OCI_MANIFEST)])),
            f"the blob {sha256(b'absent')} is missing",
        ),
        (_change(index_json=_index([{**ARM.descriptor, "size": 7}])), "bytes, its descriptor says 7"),
        (
            _change(index_json=_index([{**ARM.descriptor, "mediaType": OCI_INDEX}])),
            "does not say index",
        ),
    ],
)
def test_a_layout_of_the_wrong_shape_is_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        _open(files, tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_an_artifact_that_is_no_image_is_refused(tmp_path: Path) -> None:
    build = ImageBuilder().layer({"a": b""})
    build.manifest_changes = {"config": builder.descriptor(build.config, "application/vnd.example+json")}
    with pytest.raises(ImageError, match=r"no image: its configuration is 'application/vnd.example"):
        _open(build.layout(), tmp_path)


def test_indexes_nested_without_end_are_refused(tmp_path: Path) -> None:
    files = ARM.layout()
    items = [ARM.descriptor]
    for _ in range(6):
        inner = _index(items)
        builder.add_blob(files, inner)
        # The same index many times over: what it holds must not be multiplied.
        items = [builder.descriptor(inner, OCI_INDEX)] * 100
    files["index.json"] = _index(items)
    with pytest.raises(ImageError, match="nested more than 4 deep"):
        _open(files, tmp_path)


def test_an_index_listed_many_times_is_read_once(tmp_path: Path) -> None:
    files = ARM.layout()
    items = [ARM.descriptor]
    for _ in range(3):
        inner = _index(items)
        builder.add_blob(files, inner)
        items = [builder.descriptor(inner, OCI_INDEX)] * 1000
    files["index.json"] = _index(items)
    assert _which(files, tmp_path) == "arm64"


def test_a_manifest_with_too_many_layers_is_refused(tmp_path: Path) -> None:
    build = ImageBuilder().layer({"a": b""})
    build.manifest_changes = {"layers": [builder.descriptor(b"", OCI_INDEX)] * 501}
    with pytest.raises(ImageError, match="lists 501 layers, more than 500"):
        _open(build.layout(), tmp_path)


def test_the_manifest_digest_is_the_one_of_the_index(tmp_path: Path) -> None:
    with _open(ARM.layout(), tmp_path) as image:
        assert image.manifest_digest == Digest(ARM.descriptor["digest"])
