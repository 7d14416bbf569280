"""What ``docker save`` writes: ``manifest.json`` with, in newer engines, an OCI layout around it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from image_harness.image.archive import ArchiveSource
from image_harness.image.blobs import Blob
from image_harness.image.config import ImageConfig
from image_harness.image.documents import json_objects, parse_json
from image_harness.image.errors import ImageError, printable
from image_harness.image.layout import INDEX_NAME, select_from_layout
from image_harness.image.limits import DESCRIPTORS, JSON_BYTES, LAYERS
from image_harness.image.reference import ImageReference
from image_harness.image.selection import Selection
from image_harness.types import Digest, Platform

_MANIFEST_NAME: Final = "manifest.json"
_NAMED_BY_DIGEST: Final = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json|\.tar)?")
_PLAIN_LAYERS: Final = frozenset(
    {"application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"}
)


@dataclass(frozen=True, slots=True)
class _SavedImage:
    """One image of ``manifest.json``, its layers' names not looked up yet."""

    config: ImageConfig
    config_digest: Digest
    tags: tuple[str, ...]
    layers: tuple[str, ...]


def select_from_docker_archive(source: ArchiveSource, reference: ImageReference, platform: Platform) -> Selection:
    """Find a reference's image for a platform.

    An engine that keeps images as they were built saves their own manifest in an OCI layout. One that unpacks them has
    no manifest any more: newer ones make one up, over uncompressed layers, which exists nowhere else. That one is not
    reported, since a verdict must not be bound to a digest that no registry will ever show.

    Raises:
        ImageError: There is no such image, or more than one, or a document on the way is damaged.
    """
    if source.find(INDEX_NAME) is not None:
        selection = select_from_layout(source, reference, platform)
        manifest = selection.manifest
        if manifest is None or not {layer.media_type for layer in manifest.layers} <= _PLAIN_LAYERS:
            return selection
        return Selection(selection.config, selection.config_digest, selection.layers)
    image = _choose(source, _saved_images(source), reference, platform)
    if len(image.layers) != len(image.config.diff_ids):
        raise ImageError(
            f"{_MANIFEST_NAME} lists {len(image.layers)} layers, the configuration {len(image.config.diff_ids)}",
            where=source.where,
        )
    return Selection(image.config, image.config_digest, [_find(source, name) for name in image.layers])


def _saved_images(source: ArchiveSource) -> list[_SavedImage]:
    blob = source.find(_MANIFEST_NAME)
    if blob is None:
        raise ImageError(f"no docker archive: it has no {_MANIFEST_NAME}", where=source.where)
    value = parse_json(blob.read_all(JSON_BYTES), blob.where)
    if not isinstance(value, list):
        raise ImageError("the JSON is not a list of images", where=blob.where)
    if len(value) > DESCRIPTORS:
        raise ImageError(f"lists {len(value)} images, more than {DESCRIPTORS}", where=blob.where)
    images = []
    for item in json_objects(value, blob.where, "images"):
        layers = item.texts("Layers") or ()
        if len(layers) > LAYERS:
            raise ImageError(f"lists {len(layers)} layers, more than {LAYERS}", where=blob.where)
        config = _find(source, item.text("Config"))
        data = config.read_all(JSON_BYTES)
        digest = Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
        named = _NAMED_BY_DIGEST.fullmatch(item.text("Config"))
        if named and named[1] != digest.hex:
            raise ImageError(f"the content's digest is {digest}, not sha256:{named[1]}", where=config.where)
        images.append(_SavedImage(ImageConfig.parse(data, config.where), digest, item.texts("RepoTags") or (), layers))
    return images


def _choose(
    source: ArchiveSource, images: list[_SavedImage], reference: ImageReference, platform: Platform
) -> _SavedImage:
    fitting = images
    if reference.tag is not None:
        wanted = {reference.tag, f"{reference.tag}:latest"}
        fitting = [image for image in images if wanted.intersection(image.tags)]
    if reference.digest is not None:
        fitting = [image for image in images if image.config_digest == reference.digest]
    if len(fitting) > 1:
        fitting = [image for image in fitting if platform.accepts(image.config.platform)]
    if len(fitting) == 1:
        return fitting[0]
    tags = sorted(tag for image in images for tag in image.tags)
    raise ImageError(
        f"holds {len(fitting) or 'no'} images that fit {reference.tag or reference.digest or platform}",
        where=source.where,
        fix=f"name one: {printable(', '.join(tags)) or 'there are no tags'}",
    )


def _find(source: ArchiveSource, name: str) -> Blob:
    blob = source.find(name)
    if blob is None:
        raise ImageError(f"{printable(name)} is missing", where=source.where)
    return blob
