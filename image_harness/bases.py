"""What an image was built on, as far as the image itself tells.

A stand-in for a base says so in its first history entry, which any image built on it keeps, in every format. A SLSA
provenance attestation (https://slsa.dev/provenance/v0.2), where there is one, names the bases of all stages and their
digests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from image_harness.errors import HarnessError
from image_harness.image import Image
from image_harness.report.model import BaseImage, BasesFacts, BaseUse
from image_harness.types import Digest

_PROVENANCE = "https://slsa.dev/provenance/"
_STAND_IN = "stand-in for "
_REGISTRY = "docker-image://"
_IMAGE = "pkg:oci/", "pkg:docker/"


def bases_of(image: Image) -> BasesFacts:
    """Tell what an image was built on."""
    images = tuple(dict.fromkeys(_materials(image)))
    first = image.history[0].created_by if image.history else ""
    if first.startswith(_STAND_IN):
        return BasesFacts(BaseUse.STAND_IN, images, first)
    replaced = sorted(_replaced_contexts(image))
    if replaced:
        return BasesFacts(BaseUse.STAND_IN, images, f"the build replaced {', '.join(replaced)}")
    if images:
        return BasesFacts(BaseUse.UPSTREAM, images)
    return BasesFacts(BaseUse.UNKNOWN, reason="the image carries no provenance")


def _predicates(image: Image) -> Iterator[Mapping[str, object]]:
    for attestation in image.attestations:
        predicate = attestation.statement.get("predicate")
        if attestation.predicate_type.startswith(_PROVENANCE) and isinstance(predicate, Mapping):
            yield predicate


def _materials(image: Image) -> Iterator[BaseImage]:
    for predicate in _predicates(image):
        materials = predicate.get("materials")
        for material in materials if isinstance(materials, list) else []:
            uri = material.get("uri", "") if isinstance(material, Mapping) else ""
            if isinstance(uri, str) and uri.startswith(_IMAGE):
                name = unquote(uri.split("/", 1)[1].partition("?")[0]).replace("@", ":")
                yield BaseImage(name, _digest(material.get("digest")))


def _digest(named: object) -> Digest | None:
    """The digest that a material is named by; None where it is of another kind, or no digest at all."""
    value = named.get("sha256") if isinstance(named, Mapping) else None
    try:
        return Digest(f"sha256:{value}")
    except HarnessError:
        return None


def _replaced_contexts(image: Image) -> Iterator[str]:
    """A base that the build was given under its name from elsewhere is not the one that the name stands for."""
    for predicate in _predicates(image):
        value: object = predicate
        for key in ("invocation", "parameters", "args"):
            value = value.get(key) if isinstance(value, Mapping) else None
        for name, source in value.items() if isinstance(value, Mapping) else ():
            if name.startswith("context:") and name not in ("context:context", "context:dockerfile"):
                base = name.removeprefix("context:")
                if not _is_itself(base, str(source)):
                    yield base


def _is_itself(base: str, source: str) -> bool:
    """Whether a build was only told to take a base from its own registry, of which digest perhaps."""
    name = source.removeprefix(_REGISTRY).partition("@")[0]
    return source.startswith(_REGISTRY) and canonical_name(name) == canonical_name(base)


def canonical_name(name: str) -> str:
    """An image's name with Docker's default tag and without its default registry, so that one image has one name."""
    tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    return tagged.removeprefix("docker.io/").removeprefix("library/")
