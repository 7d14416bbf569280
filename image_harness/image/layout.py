"""OCI image layouts: from ``index.json``, through nested indexes, to one platform's manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from image_harness.image.blobs import BlobSource, find_blob, read_document
from image_harness.image.config import ImageConfig
from image_harness.image.documents import JsonObject
from image_harness.image.errors import ImageError, printable
from image_harness.image.limits import DESCRIPTORS, INDEX_DEPTH, JSON_BYTES, KIB
from image_harness.image.manifest import Descriptor, DocumentKind, Index, Manifest, read_platform
from image_harness.image.reference import ImageReference
from image_harness.image.selection import Selection
from image_harness.types import Digest, Platform

INDEX_NAME: Final = "index.json"
_VERSION_NAME: Final = "oci-layout"
_REF_NAME: Final = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME: Final = "io.containerd.image.name"
_MARK_BYTES: Final = 64 * KIB


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A manifest, the index that lists it, and the entry of ``index.json`` that leads there."""

    descriptor: Descriptor
    index: Index
    top: Descriptor


def select_from_layout(source: BlobSource, reference: ImageReference, platform: Platform) -> Selection:
    """Find a reference's image for a platform.

    A place that holds one image only is taken at its word whatever its platform, so that a check can say that the
    platform is wrong; the platform decides where there is a choice.

    Raises:
        ImageError: There is no such image, or more than one, or a document on the way is damaged.
    """
    index = _top_index(source)
    everything = list(_expand(source, index))
    images = [item for item in everything if item.descriptor.is_image and _is_meant(item, reference)]
    chosen = _choose(source, images, reference, platform, index)
    attestations = {
        item.descriptor.digest: item.descriptor
        for item in everything
        if item.descriptor.attests == chosen.descriptor.digest
    }
    return _read(source, chosen, tuple(attestations.values()))


def _top_index(source: BlobSource) -> Index:
    mark = source.find(_VERSION_NAME)
    blob = source.find(INDEX_NAME)
    if blob is None or mark is None:
        missing = INDEX_NAME if blob is None else _VERSION_NAME
        raise ImageError(f"no OCI layout: it has no {missing}", where=source.where)
    version = JsonObject.parse(mark.read_all(_MARK_BYTES), mark.where).text("imageLayoutVersion")
    if not version.startswith("1."):
        raise ImageError(f"imageLayoutVersion is {printable(version)!r}, only 1 is supported", where=mark.where)
    return Index.parse(blob.read_all(JSON_BYTES), blob.where)


def _is_meant(item: _Candidate, reference: ImageReference) -> bool:
    """Whether a reference can mean a manifest: by its own digest, or by digest or tag of what leads to it."""
    if reference.digest is not None:
        return reference.digest in (item.descriptor.digest, item.top.digest)
    return reference.tag is None or reference.tag in _names(item.top)


def _names(item: Descriptor) -> set[str]:
    """Return the tags of an entry of ``index.json``, and the engine's names for it with and without its defaults."""
    names = {item.annotations[key] for key in (_REF_NAME, _CONTAINERD_NAME) if key in item.annotations}
    for name in tuple(names):
        names.add(name.removeprefix("docker.io/"))
        names.add(name.removeprefix("docker.io/").removeprefix("library/"))
    return names


def _expand(source: BlobSource, index: Index) -> Iterator[_Candidate]:
    """Yield the manifests that an index leads to; each index below it is read once.

    Raises:
        ImageError: Indexes are nested too deeply, or lead to too many manifests.
    """
    seen: set[Digest] = set()
    pending = [(item, index, item, 0) for item in reversed(index.descriptors)]
    while pending:
        item, owner, top, depth = pending.pop()
        if item.digest in seen and item.kind is DocumentKind.INDEX:
            continue
        seen.add(item.digest)
        if item.kind is not DocumentKind.INDEX:
            yield _Candidate(item, owner, top)
            continue
        if depth == INDEX_DEPTH or len(seen) > DESCRIPTORS:
            raise ImageError(
                f"indexes are nested more than {INDEX_DEPTH} deep or list more than {DESCRIPTORS} manifests",
                where=source.where,
            )
        inner = Index.parse(*read_document(source, item, JSON_BYTES))
        pending.extend((child, inner, top, depth + 1) for child in reversed(inner.descriptors))


def _choose(
    source: BlobSource, images: list[_Candidate], reference: ImageReference, platform: Platform, index: Index
) -> _Candidate:
    distinct = list({item.descriptor.digest: item for item in reversed(images)}.values())[::-1]
    if not distinct:
        names = sorted(set().union(*map(_names, index.descriptors)))
        there = f"it has {printable(', '.join(names))}" if names else "it names none"
        raise ImageError(f"holds no image {reference.tag or reference.digest or 'at all'}; {there}", where=source.where)
    if len(distinct) == 1:
        return distinct[0]
    offered = [(item, _platform(source, item.descriptor)) for item in distinct]
    fitting = [item for item, found in offered if found is not None and platform.accepts(found)]
    if not fitting:
        there = ", ".join(sorted({str(found) for _, found in offered if found is not None}))
        raise ImageError(f"holds no image for {platform}, only for {printable(there)}", where=source.where)
    if len(fitting) > 1:  # engines take the first, or the one that fits best: not all of them the same
        names = sorted(set().union(*(_names(item.top) for item in fitting)))
        raise ImageError(
            f"holds {len(fitting)} images for {platform}",
            where=source.where,
            fix=f"add :TAG or @DIGEST; tags are {printable(', '.join(names)) or 'none'}",
        )
    return fitting[0]


def _platform(source: BlobSource, item: Descriptor) -> Platform | None:
    """Return what an image is for: by its index, or else by its configuration; None for what is no image after all."""
    if item.platform is not None:
        return item.platform
    manifest = Manifest.parse(*read_document(source, item, JSON_BYTES), item.media_type)
    if not manifest.has_image_config:
        return None
    return read_platform(JsonObject.parse(*read_document(source, manifest.config, JSON_BYTES)))


def _read(source: BlobSource, chosen: _Candidate, attestations: tuple[Descriptor, ...]) -> Selection:
    data, where = read_document(source, chosen.descriptor, JSON_BYTES)
    manifest = Manifest.parse(data, where, chosen.descriptor.media_type)
    if not manifest.has_image_config:
        raise ImageError(f"no image: its configuration is {printable(manifest.config.media_type)!r}", where=where)
    config = ImageConfig.parse(*read_document(source, manifest.config, JSON_BYTES))
    if len(config.diff_ids) != len(manifest.layers):
        raise ImageError(
            f"the manifest lists {len(manifest.layers)} layers, the configuration {len(config.diff_ids)}", where=where
        )
    return Selection(
        config=config,
        config_digest=manifest.config.digest,
        layers=[find_blob(source, layer) for layer in manifest.layers],
        manifest=manifest,
        manifest_digest=chosen.descriptor.digest,
        index=chosen.index,
        entry=chosen.descriptor,
        attestations=attestations,
        top_digest=chosen.top.digest,
    )
