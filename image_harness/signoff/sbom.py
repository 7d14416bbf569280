"""A CycloneDX 1.6 bill of materials, from the image as data: Debian packages and Python distributions."""

from __future__ import annotations

import posixpath
import uuid
from datetime import UTC, datetime
from typing import Final

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import image_harness
from image_harness.image import FileSystem, Image
from image_harness.image.debian import DebianPackage, debian_packages
from image_harness.image.python_distributions import Distribution, all_distributions
from image_harness.types import Digest

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"
#: The same image gets the same document: its serial number is made from the digest.
_NAMESPACE: Final = uuid.UUID("7d9c1f3e-8a54-5f0e-9c2b-6c1de3a0b7f4")


def make_sbom(image: Image, *, name: str, digest: Digest) -> bytes:
    """Write the bill of materials of an image; the same image gives the same bytes.

    Args:
        image: The image.
        name: What it is called.
        digest: Its manifest.

    Raises:
        ImageError: A package database is malformed.
    """
    root = Component(
        name=name,
        version=str(digest),
        type=ComponentType.CONTAINER,
        bom_ref=str(digest),
        purl=PackageURL(
            "oci",
            None,
            posixpath.basename(name).partition(":")[0].lower(),
            str(digest),
            {"arch": image.config.architecture},
        ),
    )
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, str(digest)))
    # When the image was made, not when somebody looked; the beginning of time where it does not tell.
    bom.metadata.timestamp = image.config.created or datetime.fromtimestamp(0, UTC)
    bom.metadata.component = root
    bom.metadata.tools.components.add(
        Component(name="image-harness", version=image_harness.__version__, type=ComponentType.APPLICATION)
    )
    debian = [_debian(package, _distribution(image.filesystem)) for package in debian_packages(image.filesystem)]
    distributions = list(all_distributions(image.filesystem))
    python = [_python(distribution) for distribution in distributions]
    for component in (*debian, *python):
        bom.components.add(component)
    bom.register_dependency(root, [*debian, *python])
    for distribution, component in zip(distributions, python, strict=True):
        bom.register_dependency(component, _required(distribution, distributions, python))
    return JsonV1Dot6(bom).output_as_string(indent=1).encode() + b"\n"


def _distribution(fs: FileSystem) -> str:
    """``debian-12``, as package URLs name the distribution; "" where the image does not tell."""
    if not fs.exists("/etc/os-release"):
        return ""
    lines = fs.read_text("/etc/os-release").splitlines()
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    parts = (values.get("ID", ""), values.get("VERSION_ID", ""))
    return "-".join(part for part in parts if part)


def _debian(package: DebianPackage, distribution: str) -> Component:
    qualifiers = {"arch": package.architecture, **({"distro": distribution} if distribution else {})}
    purl = PackageURL("deb", "debian", package.name, package.version, qualifiers)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        properties=[Property(name="image-harness:database", value=package.database)],
    )


def _python(distribution: Distribution) -> Component:
    purl = PackageURL("pypi", None, distribution.key, distribution.version)
    return Component(
        name=distribution.name,
        version=distribution.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{purl}#{distribution.path.lstrip('/')}",
        purl=purl,
        properties=[Property(name="image-harness:database", value=distribution.path)],
    )


def _required(
    distribution: Distribution, distributions: list[Distribution], components: list[Component]
) -> list[Component]:
    names = set()
    for text in distribution.requires:
        try:
            names.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            continue  # a check of its own tells about it
    return [
        component
        for other, component in zip(distributions, components, strict=True)
        if other.key in names and other.key != distribution.key
    ]
