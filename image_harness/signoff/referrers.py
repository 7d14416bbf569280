"""What is attached to an image in a registry: read from every place, written to those that readers look at.

- OCI 1.1 referrers: a manifest that names the image as its ``subject``. Registries without that API get the index
  ``sha256-<hex>`` that the specification has clients keep instead.
- cosign's tag ``sha256-<hex>.att``, a manifest whose layers are envelopes: what cosign verifies unless told otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from image_harness.errors import HarnessError
from image_harness.signoff import bundle, envelope
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.registry import OCI_INDEX, OCI_MANIFEST, Document, Registry, digest_of
from image_harness.types import Digest

_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_EMPTY: Final = b"{}"
_CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
_COSIGN_SIGNATURE: Final = "dev.cosignproject.cosign/signature"
#: More than anybody attaches; whoever lists more is not to keep a reader busy for ever.
_MAX_ENTRIES: Final = 1000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attached:
    """A signed statement that is attached to an image.

    Attributes:
        where: The registry's name for it.
        envelope: The statement; None where what is there is damaged.
        bundle: The bundle that it came in, if it did.
        damage: What is wrong with it.
    """

    where: str
    envelope: Envelope | None
    bundle: Bundle | None = None
    damage: NotVerifiedError | None = None


def find_statements(registry: Registry, digest: Digest) -> Iterator[Attached]:
    """Read every signed statement that is attached to a manifest.

    Raises:
        HarnessError: The registry cannot be reached or refuses, lists too much, or what it says has the wrong shape.
    """
    for referrer in _referrers(registry, digest):
        manifest = registry.manifest(referrer)
        document = _document(manifest) if manifest is not None else {}
        subject = document.get("subject")
        if isinstance(subject, dict) and subject.get("digest") == str(digest):
            yield from _statements(registry, document, str(referrer))
    tagged = registry.manifest(_cosign_tag(digest))
    if tagged is not None:
        yield from _statements(registry, _document(tagged), _cosign_tag(digest))


def attach(
    registry: Registry, subject: Document, content: bytes, media_type: str, annotations: Mapping[str, str]
) -> Digest:
    """Attach a file to a manifest as a referrer.

    Returns:
        The digest of the manifest that refers.

    Raises:
        HarnessError: The registry cannot be reached or refuses.
    """
    described = {"annotations": dict(annotations)} if annotations else {}
    manifest = _bytes(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": media_type,
            "config": _push(registry, _EMPTY, _EMPTY_TYPE),
            "layers": [_push(registry, content, media_type)],
            "subject": _descriptor(subject.content, subject.media_type),
            **described,
        }
    )
    entry = {**_descriptor(manifest, OCI_MANIFEST), "artifactType": media_type, **described}
    if not registry.push_manifest(digest_of(manifest), manifest, OCI_MANIFEST):
        _list_in_fallback(registry, subject.digest, entry)
    return digest_of(manifest)


def attach_for_cosign(registry: Registry, subject: Digest, signed: Envelope, predicate_type: str) -> str:
    """Add an envelope to those that cosign finds under its tag.

    Returns:
        The tag.

    Raises:
        HarnessError: The registry cannot be reached or refuses.
    """
    tag = _cosign_tag(subject)
    there = registry.manifest(tag)
    layers = list(_objects(_document(there), "layers")) if there is not None else []
    annotations = {_COSIGN_SIGNATURE: "", "predicateType": predicate_type}
    layer = {**_push(registry, signed.to_bytes(), envelope.MEDIA_TYPE), "annotations": annotations}
    if layer["digest"] not in {item.get("digest") for item in layers}:
        layers.append(layer)
    # The form of an image, since old registries store nothing else: each envelope is a layer that nobody unpacks.
    root = {"type": "layers", "diff_ids": [item.get("digest") for item in layers]}
    config = _bytes({"architecture": "", "os": "", "rootfs": root, "config": {}})
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": _push(registry, config, _CONFIG_TYPE)}
    registry.push_manifest(tag, _bytes({**manifest, "layers": layers}), OCI_MANIFEST)
    return tag


def _referrers(registry: Registry, digest: Digest) -> Iterator[Digest]:
    """Those that may be statements: some clients leave the type out of the index, so what is unknown is looked at."""
    for entry in _listed(registry, digest):
        kind = entry.get("artifactType") or _EMPTY_TYPE
        if kind in (_EMPTY_TYPE, envelope.MEDIA_TYPE) or str(kind).startswith(bundle.ANY_VERSION):
            yield _digest(entry)


def _listed(registry: Registry, digest: Digest) -> list[Json]:
    found: list[Json] = []
    pages = 0
    for page in registry.referrers(digest):
        found += _objects(_parse(page), "manifests")
        pages += 1
        # Pages may be empty, and have no end all the same.
        _check_number(max(pages, len(found)), digest)
    fallback = registry.manifest(_fallback_tag(digest)) if not pages else None
    if fallback is not None:
        found += _objects(_document(fallback), "manifests")
    _check_number(len(found), digest)
    return found


def _check_number(entries: int, digest: Digest) -> None:
    if entries > _MAX_ENTRIES:
        what = f"the registry lists more than {_MAX_ENTRIES} things that refer to it: the newest may be any of them"
        raise HarnessError(what, where=str(digest), fix="remove those that nobody needs")


def _statements(registry: Registry, manifest: Json, where: str) -> Iterator[Attached]:
    for layer in _objects(manifest, "layers"):
        kind = str(layer.get("mediaType"))
        if kind != envelope.MEDIA_TYPE and not kind.startswith(bundle.ANY_VERSION):
            continue
        place = f"{where} in {registry.repository}"
        try:
            content = registry.blob(_digest(layer))
            if kind == envelope.MEDIA_TYPE:
                yield Attached(place, Envelope.parse(content, place))
            else:
                packed = Bundle.parse(content, place)
                yield Attached(place, packed.envelope, packed)
        except NotVerifiedError as error:
            yield Attached(place, None, damage=error)


def _list_in_fallback(registry: Registry, subject: Digest, entry: Json) -> None:
    there = registry.manifest(_fallback_tag(subject))
    listed = list(_objects(_document(there), "manifests")) if there is not None else []
    if entry["digest"] not in {item.get("digest") for item in listed}:
        listed.append(entry)
    index = _bytes({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
    registry.push_manifest(_fallback_tag(subject), index, OCI_INDEX)


def _fallback_tag(digest: Digest) -> str:
    return f"sha256-{digest.hex}"


def _cosign_tag(digest: Digest) -> str:
    return f"sha256-{digest.hex}.att"


def _push(registry: Registry, content: bytes, media_type: str) -> Json:
    registry.push_blob(content)
    return _descriptor(content, media_type)


def _descriptor(content: bytes, media_type: str) -> Json:
    return {"mediaType": media_type, "digest": str(digest_of(content)), "size": len(content)}


def _bytes(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _document(document: Document) -> Json:
    return _parse(document.content)


def _parse(content: bytes) -> Json:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise NotVerifiedError("the registry gives a manifest that is no JSON object")
    return parsed


def _objects(document: Json, key: str) -> Iterator[Json]:
    items = document.get(key)
    yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def _digest(descriptor: Json) -> Digest:
    return Digest(str(descriptor.get("digest")))
