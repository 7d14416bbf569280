"""A mutated image put together in memory: unchanged layers are not read again, and no digest is computed.

The documents are parsed from JSON text and the changed layers from tar archives, by the code that reads every image.
What a file says is read from where it always is. That this gives the verdicts of the same mutant on disk is tried with
a sample of the mutants in every run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from contextlib import ExitStack

from image_harness.image import FileSystem, Image
from image_harness.image.blobs import Blob, Handle
from image_harness.image.budget import Budget
from image_harness.image.config import ImageConfig
from image_harness.image.layers import Layer, LayerScan
from image_harness.image.manifest import Manifest
from image_harness.image.merge import Merger
from image_harness.image.tar import TarMember, TarParser
from image_harness.mutants.draft import Draft, names_in
from image_harness.mutants.files import Node, tar
from image_harness.types import Digest

_WHERE = "mutant"
_NOT_COMPUTED = Digest(f"sha256:{'0' * 64}")


def build(draft: Draft) -> Image:
    """Return the image that a draft describes.

    Raises:
        ImageError: No reader would accept it.
    """
    with ExitStack() as files:
        good = draft.good
        layers, changes = _layers(draft, files)
        document = with_layers(draft, [str(_NOT_COMPUTED)] * len(draft.extra))
        config = ImageConfig.parse(json.dumps(document).encode(), _WHERE)
        layers = [
            dataclasses.replace(layer, created_by=instruction)
            for layer, instruction in zip(layers, config.instructions, strict=True)
        ]
        filesystem = good.image.filesystem
        if draft.removed or draft.added or draft.extra:
            filesystem = _merged(layers, changes, good.image.filesystem)
        return dataclasses.replace(
            good.image,
            platform=config.platform,
            manifest=_manifest(draft),
            config=config,
            layers=tuple(layers),
            filesystem=filesystem,
            _files=files.pop_all(),
        )


def _manifest(draft: Draft) -> Manifest | None:
    manifest = draft.good.image.manifest
    if manifest is None or not draft.config_media_type:
        return manifest
    return dataclasses.replace(
        manifest, config=dataclasses.replace(manifest.config, media_type=draft.config_media_type)
    )


def with_layers(draft: Draft, extra_diff_ids: list[str]) -> dict[str, object]:
    """Return a draft's configuration document, its list of layers extended by the draft's own ones."""
    rootfs = draft.document["rootfs"]
    return {**draft.document, "rootfs": {**rootfs, "diff_ids": [*rootfs["diff_ids"], *extra_diff_ids]}}


def _layers(draft: Draft, files: ExitStack) -> tuple[list[Layer], list[list[LayerScan]]]:
    layers, changes = [], []
    for layer, scan in zip(draft.good.parts.layers, draft.good.parts.scans, strict=True):
        changed, scans = _changed(draft, layer, scan, files)
        layers.append(changed)
        changes.append(scans)
    for entries, created_by in draft.extra:
        scan = _scan(entries, files)
        size = scan.content.size
        layers.append(Layer(len(layers), scan.digest, scan.diff_id, "", size, size, created_by))
        changes.append([scan])
    return layers, changes


def _changed(draft: Draft, layer: Layer, scan: LayerScan, files: ExitStack) -> tuple[Layer, list[LayerScan]]:
    """Return a layer without what was removed, followed by what was added to it."""
    removed, added = draft.removed.get(layer.index, set()), draft.added.get(layer.index, {})
    if not removed and not added:
        return layer, [scan]
    gone = names_in([member.name for member in scan.members], removed)
    if not gone and not added:
        return layer, [scan]
    rest = [member for member in scan.members if member.name not in gone]
    more = _scan(added.items(), files)
    lost = sum(member.size for member in scan.members if member.name in gone)
    size = layer.uncompressed_size - lost + more.content.size
    return (
        dataclasses.replace(layer, uncompressed_size=size, size=layer.size - lost + more.content.size),
        [dataclasses.replace(scan, members=rest), more],
    )


def _scan(entries: object, files: ExitStack) -> LayerScan:
    data = tar(_pairs(entries))
    number = os.memfd_create("layer")
    handle = Handle(number)
    files.callback(handle.close)
    os.write(number, data)
    members: list[TarMember] = []
    parser = TarParser(_WHERE, members.append, lambda _count: None)
    parser.feed(data)
    parser.close()
    blob = Blob(_WHERE, handle, 0, len(data))
    digest = Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
    return LayerScan(blob, digest, digest, blob, members)


def _pairs(entries: object) -> list[tuple[str, Node]]:
    return list(entries)  # type: ignore[call-overload,no-any-return]


def _merged(layers: list[Layer], changes: list[list[LayerScan]], good: FileSystem) -> FileSystem:
    merger = Merger(Budget(_WHERE))
    for layer, scans in zip(layers, changes, strict=True):
        for scan in scans:
            merger.apply(layer, scan)
    return FileSystem(merger.root, tuple(merger.deleted), tuple(merger.overwritten), _WHERE, good.derived)
