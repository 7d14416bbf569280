"""One image is the same image through every transport, and a wrong one is refused."""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.image import Image, ImageError, ImageReference, open_image
from image_harness.types import Digest, HealthCheck, Platform
from tests.image import builder
from tests.image.builder import ImageBuilder, directory, entry_at, open_built, sha256, symlink


def _build() -> ImageBuilder:
    image = ImageBuilder(
        run={
            "User": "65532:65532",
            "Env": ["PATH=/usr/bin", "EMPTY="],
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30_000_000_000, "Retries": 3},
        }
    )
    image.layer({"etc/": directory(), "etc/name": b"lower", "bin": symlink("usr/bin"), "gone": b"x" * 700})
    image.layer({"etc/name": b"upper", ".wh.gone": b""}, "RUN change")
    image.history.append({"created_by": "CMD", "empty_layer": True})
    return image


def _open(reference: str, platform: Platform = Platform.LINUX_ARM64) -> Image:
    return open_image(ImageReference.parse(reference), platform=platform)


def test_all_file_transports_and_compressions_give_the_same_image(tmp_path: Path) -> None:
    build = _build()
    layout = build.layout()
    references = [
        builder.write_directory(layout, tmp_path / "layout"),
        builder.write_archive(layout, tmp_path / "oci.tar"),
        builder.write_archive(layout, tmp_path / "oci.tar.gz", how="gzip"),
        builder.write_archive(layout, tmp_path / "oci.tar.zst", how="zstd"),
        builder.write_archive(build.docker_archive("app:1"), tmp_path / "docker.tar", "docker-archive"),
        builder.write_archive({**layout, **build.docker_archive()}, tmp_path / "both.tar", "docker-archive"),
    ]
    images = [_open(reference) for reference in references]

    assert [image == images[0] for image in images] == [True] * len(images)
    assert len(set(images)) == 1
    assert images[0].manifest_digest == Digest(sha256(build.manifest))
    for image in images:
        image.close()


@pytest.mark.parametrize("how", ["gzip", "zstd", "none"])
def test_a_layers_compression_does_not_change_the_file_system(tmp_path: Path, how: str) -> None:
    build = _build()
    build.compression = how
    with open_built(build, tmp_path) as image, open_built(_build(), tmp_path / "other") as other:
        assert image.filesystem == other.filesystem
        assert image.filesystem.read_bytes("/etc/name") == b"upper"
        assert [layer.diff_id for layer in image.layers] == [layer.diff_id for layer in other.layers]


def test_images_of_other_content_configuration_or_manifest_differ(tmp_path: Path) -> None:
    content, config, manifest = _build(), _build(), _build()
    content.layers[1] = builder.tar({"etc/name": b"UPPER", ".wh.gone": b""})
    config.run["User"] = "0"
    manifest.compression = "zstd"
    with open_built(_build(), tmp_path / "0") as good:
        for index, build in enumerate((content, config, manifest)):
            with open_built(build, tmp_path / f"changed{index}") as changed:
                assert changed != good
                assert (changed.config_digest == good.config_digest) is (build is manifest)
        assert good != "image"


def test_images_without_a_manifest_are_told_apart_by_their_configuration(tmp_path: Path) -> None:
    other = _build()
    other.run["User"] = "0"
    reference = builder.write_archive(other.docker_archive(), tmp_path / "other.tar", "docker-archive")
    with open_built(_build(), tmp_path) as image, _open(reference) as plain:
        assert image != plain
        assert len({image, plain}) == 2
        assert hash(image) != hash(plain)


def test_a_docker_schema_2_image_reads_as_well_as_an_oci_one(tmp_path: Path) -> None:
    build = _build()
    build.docker_types = True
    with open_built(build, tmp_path) as image:
        assert image.manifest is not None
        assert image.manifest.media_type == builder.DOCKER_MANIFEST
        assert image.filesystem.read_text("/etc/name") == "upper"


def test_an_image_tells_layers_sizes_and_health_check(tmp_path: Path) -> None:
    build = _build()
    with open_built(build, tmp_path) as image:
        assert [layer.created_by for layer in image.layers] == ["COPY . /", "RUN change"]
        assert [layer.diff_id for layer in image.layers] == list(image.config.diff_ids)
        assert {layer.media_type for layer in image.layers} == {builder.LAYER_TYPES["gzip"]}
        assert [layer.uncompressed_size for layer in image.layers] == [len(layer) for layer in build.layers]
        assert image.index is not None
        assert [item.digest for item in image.index.descriptors] == [image.manifest_digest]
        assert {image.config_digest, image.manifest_digest} < image.ids
        assert image.size == sum(map(len, build.layers))
        assert image.compressed_size == sum(map(len, build.blobs))
        assert image.config.health_check == HealthCheck(("CMD", "true"), timedelta(seconds=30), retries=3)
        assert image.platform == Platform.LINUX_ARM64 == image.index_platform
        assert entry_at(image.filesystem, "/etc/name").created_by == "RUN change"


def test_a_plain_docker_archive_has_no_manifest_and_says_why(tmp_path: Path) -> None:
    with _open(builder.write_archive(_build().docker_archive(), tmp_path / "a.tar", "docker-archive")) as image:
        assert image.manifest is None
        assert image.manifest_digest is None
        assert "docker-archive has no manifest" in (image.manifest_absence or "")
        with pytest.raises(ImageError, match="docker-archive has no manifest"):
            _ = image.required_manifest


def test_a_health_check_that_the_format_lost_cannot_be_told(tmp_path: Path) -> None:
    build = _build()
    build.history.append({"created_by": 'HEALTHCHECK &{["CMD" "true"]}', "empty_layer": True})
    with open_built(build, tmp_path / "kept") as image:
        assert image.health_check == image.config.health_check
    del build.run["Healthcheck"]
    with open_built(build, tmp_path / "lost") as image, pytest.raises(ImageError, match="lost the health check"):
        _ = image.health_check


def test_a_manifest_that_docker_save_made_up_is_not_reported(tmp_path: Path) -> None:
    build = _build()
    build.compression = "none"
    files = {**build.layout(), **build.docker_archive()}
    with _open(builder.write_archive(files, tmp_path / "a.tar", "docker-archive")) as image:
        assert image.manifest_digest is None
        assert image.config_digest == Digest(sha256(build.config))


def test_what_is_wrong_in_an_image_is_told_with_the_image(tmp_path: Path) -> None:
    with open_built(_build(), tmp_path) as image, pytest.raises(ImageError) as caught:
        image.filesystem.read_bytes("/absent")
    assert str(caught.value) == f"oci:{tmp_path}/layout:/absent: does not exist"


def test_layers_that_are_too_much_together_are_told_with_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_harness.image.budget.IMAGE_BYTES", 1000)
    with pytest.raises(ImageError) as caught:
        open_built(_build(), tmp_path)
    assert str(caught.value) == f"oci:{tmp_path}/layout: expands to more than 1000 bytes"


def test_contents_cannot_be_read_once_the_image_is_closed(tmp_path: Path) -> None:
    image = open_built(_build(), tmp_path)
    image.close()
    image.close()
    # Take the numbers of the files that were closed: their content must not appear.
    reused = [os.open("/etc/passwd", os.O_RDONLY) for _ in range(8)]
    with pytest.raises(ImageError, match="the image is closed"):
        image.filesystem.read_bytes("/etc/name")
    for descriptor in reused:
        os.close(descriptor)


def test_a_blob_whose_bytes_changed_is_refused(tmp_path: Path) -> None:
    files = _build().layout()
    blob = _build().blobs[0]
    name = next(name for name, data in files.items() if data == blob)
    # The gzip header's operating system byte: what it expands to stays the same.
    files[name] = blob[:9] + b"\x07" + blob[10:]
    with pytest.raises(ImageError, match=f"{name}: the content's digest is sha256:.*, not sha256:"):
        _open(builder.write_directory(files, tmp_path))


def test_a_layer_that_is_not_the_configurations_is_refused(tmp_path: Path) -> None:
    build = _build()
    wrong = sha256(b"something else")
    build.config_changes = {"rootfs": {"type": "layers", "diff_ids": [wrong, wrong]}}
    with pytest.raises(ImageError, match="the uncompressed layer's digest is"):
        open_built(build, tmp_path)


def test_a_layers_size_is_compared(tmp_path: Path) -> None:
    build = _build()
    layers = [builder.descriptor(blob, builder.LAYER_TYPES["gzip"]) for blob in build.blobs]
    layers[1]["size"] += 1
    build.manifest_changes = {"layers": layers}
    with pytest.raises(ImageError, match="bytes, its descriptor says"):
        open_built(build, tmp_path)


def test_more_layers_than_diff_ids_are_refused(tmp_path: Path) -> None:
    build = _build()
    build.config_changes = {"rootfs": {"type": "layers", "diff_ids": []}}
    with pytest.raises(ImageError, match="lists 2 layers, the configuration 0"):
        open_built(build, tmp_path)


def test_a_history_that_does_not_fit_the_layers_is_a_finding_and_names_no_instruction(tmp_path: Path) -> None:
    build = _build()
    build.history.pop(0)
    with open_built(build, tmp_path) as image:
        assert image.config.history_problem == "the history names 1 layers, rootfs.diff_ids 2"
        assert [layer.created_by for layer in image.layers] == ["", ""]
        assert entry_at(image.filesystem, "/etc/name").created_by == ""


def test_reading_writes_nothing_but_unnamed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "layout").mkdir()
    with open_built(_build(), tmp_path) as image:
        image.filesystem.read_bytes("/etc/name")
        assert list(folder.iterdir()) == []
    after = [path for path in tmp_path.rglob("*") if "layout" not in path.parts]
    assert sorted(after) == before


def test_descriptors_are_closed_when_opening_fails(tmp_path: Path) -> None:
    build = _build()
    build.layers[1] = b"no tar at all" * 100
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ImageError):
        open_built(build, tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
