"""From what a name in a registry stands for to the one manifest that verdicts belong to."""

from __future__ import annotations

import json

from image_harness.errors import HarnessError
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.registry import Document, Registry
from image_harness.types import Digest, Platform


def platform_manifest(registry: Registry, digest: Digest, platform: Platform = Platform.LINUX_ARM64) -> Document:
    """Read an image's manifest; of an index, the manifest that it lists for the platform.

    Raises:
        NotVerifiedError: The registry gives something else than what the digest names.
        HarnessError: There is no such image, or the registry refuses.
    """
    found = registry.manifest(digest)
    if found is None:
        fix = "push the image first, and name it by the digest that push prints"
        raise HarnessError(f"there is no image {digest}", where=str(registry.repository), fix=fix)
    listed = _listed(found, platform)
    if listed is None:
        return found
    manifest = registry.manifest(listed)
    if manifest is None:
        raise HarnessError(f"the index lists {listed}, which is not there", where=str(registry.repository))
    return manifest


def blobs_of(manifest: Document) -> tuple[Digest, ...]:
    """The digests of an image's configuration and layers.

    Raises:
        NotVerifiedError: It is no manifest of an image.
    """
    try:
        content = json.loads(manifest.content)
        described = [content["config"], *content["layers"]]
        return tuple(dict.fromkeys(Digest(item["digest"]) for item in described))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotVerifiedError("it is no manifest of an image", where=str(manifest.digest)) from None


def _listed(document: Document, platform: Platform) -> Digest | None:
    """What an index lists for a platform; None for what is no index."""
    try:
        listed = json.loads(document.content).get("manifests")
        if listed is None:
            return None
        for entry in listed:
            offered = entry.get("platform") or {}
            offer = Platform(offered.get("os", ""), offered.get("architecture", ""), offered.get("variant"))
            if platform.accepts(offer):
                return Digest(entry["digest"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotVerifiedError("it is no manifest and no index", where=str(document.digest)) from None
    raise HarnessError(f"the index lists no image for {platform}", where=str(document.digest))
