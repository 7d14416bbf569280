"""What engines of all ages save is read by ``manifest.json``, and refused when that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.image import Image, ImageError, ImageReference, open_image
from image_harness.types import Digest, Platform
from tests.image import builder
from tests.image.builder import ImageBuilder, Node, dump, sha256, symlink, tar

IMAGE = ImageBuilder().layer({"a": b"1"}).layer({"b": b"2"})


def _open(path: Path, transport: str = "docker-archive", suffix: str = "") -> Image:
    return open_image(ImageReference.parse(f"{transport}:{path}{suffix}"))


def _write(path: Path, files: dict[str, Node | bytes]) -> Path:
    path.write_bytes(tar(files))
    return path


def test_the_layout_of_old_engines_with_links_between_equal_layers_is_read(tmp_path: Path) -> None:
    build = ImageBuilder().layer({"a": b"1"}).layer({"b": b"2"}).layer({"b": b"2"})
    config = build.config
    files: dict[str, Node | bytes] = {
        "one/layer.tar": build.layers[0],
        "one/VERSION": b"1.0",
        "two/layer.tar": build.layers[1],
        "three/layer.tar": symlink("../two/layer.tar"),
        "config.json": config,
        "manifest.json": dump(
            [{"Config": "config.json", "Layers": ["one/layer.tar", "two/layer.tar", "three/layer.tar"]}]
        ),
    }
    with _open(_write(tmp_path / "a.tar", files)) as image:
        assert image.config_digest == Digest(sha256(config))
        assert [entry.path for entry in image.filesystem.walk()] == ["/", "/a", "/b"]


def test_one_of_several_images_is_chosen_by_tag_or_platform(tmp_path: Path) -> None:
    amd = ImageBuilder(platform=builder.AMD64).layer({"a": b"amd"})
    other = ImageBuilder().layer({"a": b"other"})
    first = IMAGE.docker_archive("app:1")
    files = {**amd.docker_archive("amd:latest"), **other.docker_archive("app:2"), **first}
    entries = [image.docker_archive(tag)["manifest.json"] for image, tag in ((amd, "amd:latest"), (other, "app:2"))]
    files["manifest.json"] = b"[" + b",".join(item[1:-1] for item in (*entries, first["manifest.json"])) + b"]"
    path = tmp_path / "a.tar"
    builder.write_archive(files, path)
    with _open(path, suffix=":app:2") as image:
        assert image.filesystem.read_bytes("/a") == b"other"
    with _open(path, suffix=":amd") as image:
        assert image.platform == Platform.LINUX_AMD64
    with pytest.raises(ImageError, match="holds 2 images that fit linux/arm64; name one: amd:latest, app:1, app:2"):
        _open(path)
    with pytest.raises(ImageError, match="holds no images that fit app:3"):
        _open(path, suffix=":app:3")
    with _open(path, suffix=f"@{sha256(amd.config)}") as image:
        assert image.platform == Platform.LINUX_AMD64
    with pytest.raises(ImageError, match="holds no images that fit sha256:"):
        _open(path, suffix=f"@{sha256(b'')}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"manifest.json": b"{"}, "manifest.json: not JSON"),
        ({"manifest.json": b"{}"}, "manifest.json: the JSON is not a list of images"),
        ({"manifest.json": b"[]"}, "holds no images that fit linux/arm64; name one: there are no tags$"),
        ({"manifest.json": b'[{"Config": "x.json"}]', "x.json": b"[]"}, "x.json: the JSON is a list, not an object"),
        ({"manifest.json": b"[1]"}, r"images\[0\] is the number 1, not an object"),
        ({"manifest.json": dump([{}] * 1001)}, "lists 1001 images, more than 1000"),
        ({"manifest.json": b'[{"Layers": []}]'}, r"images\[0\].Config is missing"),
        ({"manifest.json": b'[{"Config": "x"}]'}, "x is missing"),
        (
            {"manifest.json": dump([{"Config": "x", "Layers": ["y"] * 501}])},
            "manifest.json: lists 501 layers, more than 500",
        ),
        ({"manifest.json": b'[{"Config": "../../x"}]'}, r"\.\./\.\./x is missing"),
    ],
)
def test_a_manifest_of_the_wrong_shape_is_refused(
    tmp_path: Path, change: dict[str, Node | bytes], message: str
) -> None:
    with pytest.raises(ImageError, match=message):
        _open(_write(tmp_path / "a.tar", {**IMAGE.docker_archive(), **change}))


def test_a_configuration_under_another_configurations_name_is_refused(tmp_path: Path) -> None:
    files = IMAGE.docker_archive()
    name = next(name for name in files if name.endswith(".json") and name != "manifest.json")
    files[name] = ImageBuilder().layer({"x": b""}).config
    with pytest.raises(ImageError, match=f"{name}: the content's digest is"):
        _open(_write(tmp_path / "a.tar", dict(files)))


def test_missing_and_surplus_layers_are_refused(tmp_path: Path) -> None:
    files = IMAGE.docker_archive()
    manifest = files["manifest.json"]
    layer = next(name for name in files if name.endswith(".tar"))
    without = {name: data for name, data in files.items() if name != layer}
    with pytest.raises(ImageError, match=f"{layer} is missing"):
        _open(_write(tmp_path / "a.tar", dict(without)))
    files["manifest.json"] = manifest.replace(f'"{layer}"'.encode(), f'"{layer}", "{layer}"'.encode())
    with pytest.raises(ImageError, match=r"manifest.json lists 3 layers, the configuration 2"):
        _open(_write(tmp_path / "b.tar", dict(files)))


def test_a_layer_of_other_content_is_refused(tmp_path: Path) -> None:
    files = IMAGE.docker_archive()
    layer = next(name for name in files if name.endswith(".tar"))
    files[layer] = tar({"a": b"changed"})
    with pytest.raises(ImageError, match=f"{layer}: the uncompressed layer's digest is"):
        _open(_write(tmp_path / "a.tar", dict(files)))


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no docker archive: it has no manifest.json"):
        _open(_write(tmp_path / "a.tar", {"file": b""}))
    with pytest.raises(ImageError, match=r"no OCI layout: it has no index.json"):
        _open(_write(tmp_path / "b.tar", dict(IMAGE.docker_archive())), "oci-archive")
