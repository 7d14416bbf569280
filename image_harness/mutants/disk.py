"""A mutated image written to disk, every digest and size right: an OCI layout, or what an old engine saves."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from image_harness.image.compression import decompress
from image_harness.image.layers import Layer, LayerScan
from image_harness.mutants.draft import Draft, names_in
from image_harness.mutants.files import member, tar
from image_harness.mutants.memory import with_layers

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_PLAIN = "application/vnd.oci.image.layer.v1.tar"
_PIECE = 1024 * 1024

Json = dict[str, Any]


def write(draft: Draft, folder: Path, name: str) -> str:
    """Write a draft's image and return its reference.

    Args:
        draft: The image.
        folder: Where to; it is made.
        name: What an engine that loads it calls it.
    """
    folder.mkdir(parents=True)
    return _layout(draft, folder, name)


def archive(draft: Draft, folder: Path, name: str) -> Path:
    """Write a draft's image as an archive that engines load."""
    _layout(draft, folder / "layout", name)
    path = folder / "image.tar"
    with tarfile.open(path, "w") as packed:
        for file in sorted((folder / "layout").rglob("*")):
            packed.add(file, str(file.relative_to(folder / "layout")), recursive=False)
    return path


def _layout(draft: Draft, folder: Path, name: str) -> str:
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    layers, diff_ids = [], []
    for data, diff_id, media_type in _layers(draft):
        digest = _blob(blobs, data)
        layers.append({"mediaType": media_type, "digest": digest, "size": len(data)})
        diff_ids.append(diff_id)
    config = _config(draft, diff_ids)
    config_type = draft.config_media_type or _CONFIG
    manifest = _dump(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": config_type, "digest": _blob(blobs, config), "size": len(config)},
            "layers": layers,
        }
    )
    platform = {key: draft.document[key] for key in ("architecture", "os", "variant") if key in draft.document}
    item = {
        "mediaType": _MANIFEST,
        "digest": _blob(blobs, manifest),
        "size": len(manifest),
        "platform": platform,
        "annotations": {"io.containerd.image.name": f"docker.io/library/{name}"},
    }
    (folder / "index.json").write_bytes(_dump({"schemaVersion": 2, "manifests": [item]}))
    (folder / "oci-layout").write_bytes(_dump({"imageLayoutVersion": "1.0.0"}))
    return f"oci:{folder}"


def _config(draft: Draft, diff_ids: list[str]) -> bytes:
    document = with_layers(draft, [])
    return _dump({**document, "rootfs": {**document["rootfs"], "diff_ids": diff_ids}})  # type: ignore[dict-item]


def _layers(draft: Draft) -> Iterator[tuple[bytes, str, str]]:
    """Yield each layer's bytes as stored, the digest of what it expands to, and its media type."""
    for layer, scan in zip(draft.good.parts.layers, draft.good.parts.scans, strict=True):
        gone = names_in([member.name for member in scan.members], draft.removed.get(layer.index, set()))
        if not gone and layer.index not in draft.added:
            stored = scan.blob.read_exactly(0, scan.blob.size)
            yield stored, str(scan.diff_id), layer.media_type or _PLAIN
        else:
            data = _changed(draft, layer, scan)
            yield data, _digest(data), _PLAIN
    for entries, _ in draft.extra:
        data = tar(entries)
        yield data, _digest(data), _PLAIN


def _changed(draft: Draft, layer: Layer, scan: LayerScan) -> bytes:
    plain = io.BytesIO(b"".join(decompress(scan.blob, lambda _piece: None)))
    stream = io.BytesIO()
    removed, added = draft.removed.get(layer.index, set()), draft.added.get(layer.index, {})
    with (
        tarfile.open(fileobj=plain) as before,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for info in before:
            if not names_in([info.name], removed):
                after.addfile(info, before.extractfile(info) if info.isreg() else None)
        for path, node in added.items():
            after.addfile(member(path, node), io.BytesIO(node.content))
    return stream.getvalue()


def _blob(folder: Path, data: bytes) -> str:
    digest = _digest(data)
    (folder / digest.removeprefix("sha256:")).write_bytes(data)
    return digest


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()
