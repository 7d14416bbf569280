"""Layouts that no reader may accept: nothing of such an image can be told, so the run ends before any check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from image_harness.mutants import Good, Mutant, refused

Json = dict[str, Any]


def mutants(good: Good) -> Iterator[Mutant]:  # noqa: ARG001 - what is wrong with the place is so for every image
    """One defect of the place that an image is kept in."""
    yield refused(
        "format.no-layout-file", "no oci-layout", "it has no oci-layout", lambda f: (f / "oci-layout").unlink()
    )
    yield refused("format.no-index", "no index.json", "it has no index.json", lambda f: (f / "index.json").unlink())
    yield refused("format.index-cut", "index.json is cut off", "index.json", lambda f: _cut(f / "index.json"))
    yield refused("format.version", "a layout of version 2", "only 1 is supported", _version)
    for name, find in {"manifest": _manifest, "config": _config, "layer": _layer}.items():
        what: dict[str, Callable[[Path], object]] = {"changed": _changed, "cut": _cut, "absent": Path.unlink}
        words = {"changed": "digest is", "cut": "its descriptor says", "absent": "is missing"}
        for miss, spoil in what.items():
            yield refused(f"format.{name}.{miss}", f"the {name} is {miss}", words[miss], _at(find, spoil))
    yield refused(
        "format.index-and-manifest",
        "a manifest that is an index as well",
        "an index and a manifest at once",
        _rewritten(lambda manifest, _config: manifest.update(manifests=[])),
    )
    yield refused(
        "format.schema",
        "a manifest of schema 1",
        "only 2 is supported",
        _rewritten(lambda m, _c: m.update(schemaVersion=1)),
    )
    yield refused(
        "format.layer-fewer",
        "a layer fewer than the configuration names",
        "layers",
        _rewritten(lambda m, _c: m["layers"].pop()),
    )
    yield refused(
        "format.layers-swapped",
        "two layers stand in the wrong order",
        "the uncompressed layer's digest is",
        _rewritten(lambda manifest, _config: manifest["layers"].reverse()),
    )
    yield refused(
        "format.diff-id", "a layer of another content", "the uncompressed layer's digest is", _rewritten(_other_diff_id)
    )
    yield refused(
        "format.second-image", "a second image for the same platform", "holds 2 images for linux/arm64", _second_image
    )
    yield refused("format.no-image", "an artifact that is no image", "its configuration is", _rewritten(_artifact))


def _read(path: Path) -> Json:
    return json.loads(path.read_bytes())  # type: ignore[no-any-return]


def _blob(folder: Path, item: Json) -> Path:
    return folder / "blobs/sha256" / str(item["digest"]).removeprefix("sha256:")


def _manifest(folder: Path) -> Path:
    return _blob(folder, _read(folder / "index.json")["manifests"][0])


def _config(folder: Path) -> Path:
    return _blob(folder, _read(_manifest(folder))["config"])


def _layer(folder: Path) -> Path:
    return _blob(folder, _read(_manifest(folder))["layers"][-3])


def _at(find: Callable[[Path], Path], spoil: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda folder: void(spoil(find(folder)))


def void(_result: object) -> None:
    """Drop a result."""


def _changed(path: Path) -> None:
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _version(folder: Path) -> None:
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')


def _other_diff_id(_manifest: Json, config: Json) -> None:
    config["rootfs"]["diff_ids"][0] = config["rootfs"]["diff_ids"][1]


def _second_image(folder: Path) -> None:
    """List another image first, under the same name, which engines would run: it says v8 and means the same."""
    index = _read(folder / "index.json")
    listed, manifest, config = index["manifests"][0], _read(_manifest(folder)), _read(_config(folder))
    config["config"]["User"] = "root"
    manifest["config"] |= _stored(folder, config)
    other = {**listed, "platform": {**listed["platform"], "variant": "v8"}, **_stored(folder, manifest)}
    (folder / "index.json").write_text(json.dumps({**index, "manifests": [other, listed]}))


def _artifact(manifest: Json, _config: Json) -> None:
    manifest["config"]["mediaType"] = "application/vnd.example+json"


def _rewritten(change: Callable[[Json, Json], object]) -> Callable[[Path], None]:
    """Change manifest and configuration, every digest right."""

    def spoil(folder: Path) -> None:
        index = _read(folder / "index.json")
        manifest, config = _read(_manifest(folder)), _read(_config(folder))
        change(manifest, config)
        manifest["config"] |= _stored(folder, config)
        index["manifests"][0] |= _stored(folder, manifest)
        (folder / "index.json").write_text(json.dumps(index))

    return spoil


def _stored(folder: Path, document: Json) -> Json:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs/sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}
