from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from monitor_build.oci import Layout, Platform, RunConfig


def make(folder: Path, *, compress: bool) -> tuple[Path, str]:
    folder.mkdir()
    tar = folder / "layer.tar"
    with tarfile.open(tar, "w") as out:
        out.addfile(tarfile.TarInfo("file"), io.BytesIO())
    layout = Layout(folder / "layout")
    digest = layout.finish(
        layout.add_layer(tar, compress=compress),
        platform=Platform("linux", "arm64", "v8"),
        run=RunConfig(user="0", env={"LANG": "C.UTF-8"}, entrypoint=("/usr/bin/python3.11",)),
        created="2026-01-01T00:00:00Z",
        created_by="stand-in for something",
        comment="libc6=2.36",
    )
    return layout.directory, digest


def blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()


def document(layout: Path, digest: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(blob(layout, digest))
    return content


@pytest.mark.parametrize("compress", [True, False])
def test_layout_holds_together(tmp_path: Path, compress: bool) -> None:
    layout, digest = make(tmp_path / "a", compress=compress)
    index = json.loads((layout / "index.json").read_text())
    manifest = document(layout, digest)
    config = document(layout, manifest["config"]["digest"])
    layer = blob(layout, manifest["layers"][0]["digest"])

    assert [entry["digest"] for entry in index["manifests"]] == [digest]
    assert index["manifests"][0]["platform"] == {"os": "linux", "architecture": "arm64", "variant": "v8"}
    assert manifest["layers"][0]["size"] == len(layer)
    plain = gzip.decompress(layer) if compress else layer
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(plain).hexdigest()}"]
    assert config["history"][0]["created_by"] == "stand-in for something"
    assert config["config"] == {
        "User": "0",
        "Env": ["LANG=C.UTF-8"],
        "Entrypoint": ["/usr/bin/python3.11"],
        "WorkingDir": "/",
    }
    for file in (layout / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name


def test_image_has_no_date_of_its_own_to_hand_on(tmp_path: Path) -> None:
    layout, digest = make(tmp_path / "a", compress=False)

    assert "created" not in document(layout, document(layout, digest)["config"]["digest"])


def test_same_layer_gives_the_same_digest(tmp_path: Path) -> None:
    assert make(tmp_path / "a", compress=True)[1] == make(tmp_path / "b", compress=True)[1]
