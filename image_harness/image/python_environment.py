"""The Python interpreter of an image, and what installed distributions need of one another in it."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from image_harness.image.debian import DebianPackage, debian_packages
from image_harness.image.errors import ImageError, printable
from image_harness.image.filesystem import FileSystem
from image_harness.image.python_distributions import Distribution
from image_harness.types import Platform

_IN_PATH: Final = re.compile(r"python(3\.[0-9]+)")
_MACHINES: Final = {"arm64": "aarch64", "amd64": "x86_64", "386": "i686", "arm": "armv7l"}
_LEGACY_MANYLINUX: Final = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """The interpreter that distributions are installed for.

    Attributes:
        version: Its full version, such as 3.11.2.
        machine: What ``platform.machine()`` says there, such as aarch64.
    """

    version: str
    machine: str

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version."""
        return Version(self.version).release[0], Version(self.version).release[1]

    @property
    def markers(self) -> dict[str, str]:
        """The variables of environment markers (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.version,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.version,
            "python_version": "{}.{}".format(*self.release),
            "sys_platform": "linux",
            "extra": "",
        }

    def wheel_fits(self, tag: str, *, glibc_minor: int) -> bool:
        """Whether a wheel of a tag can be installed for this interpreter over glibc 2.``glibc_minor``."""
        platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in range(5, glibc_minor + 1)]
        platforms += [f"{name}_{self.machine}" for minor, name in _LEGACY_MANYLINUX.items() if minor <= glibc_minor]
        platforms.append(f"linux_{self.machine}")
        abis = ["cp{}{}".format(*self.release)]
        fitting = {
            *cpython_tags(self.release, abis=abis, platforms=platforms),
            *compatible_tags(self.release, interpreter=abis[0], platforms=platforms),
        }
        return Tag(*tag.split("-", 2)) in fitting if tag.count("-") == 2 else False


@dataclass(frozen=True, slots=True)
class UnmetRequirement:
    """A requirement that no installed distribution satisfies.

    Attributes:
        distribution: Who requires it.
        requirement: What is required, as written.
        found: The version that is installed; None where none is.
    """

    distribution: str
    requirement: str
    found: str | None


def python_environment(fs: FileSystem, site_packages: str, platform: Platform) -> PythonEnvironment:
    """Return the interpreter behind a site-packages directory: its version is that of its Debian package.

    Raises:
        ImageError: The path names no Python version, or no package says which release it is.
    """
    match = _IN_PATH.search(site_packages)
    if match is None:
        raise ImageError("the path does not tell the Python version", where=printable(site_packages))
    names = (f"python{match[1]}-minimal", f"libpython{match[1]}-minimal")
    package = next((item for item in debian_packages(fs) if item.name in names), None)
    if package is None:
        raise ImageError(f"no Debian package {names[0]} tells the version of Python {match[1]}", where=site_packages)
    return PythonEnvironment(_version(package), _MACHINES.get(platform.architecture, platform.architecture))


def _version(package: DebianPackage) -> str:
    """Python's name for the version of its Debian package, which says 3.14.0~rc1 for 3.14.0rc1."""
    version = package.upstream_version.replace("~", "")
    try:
        major_and_more = len(Version(version).release) > 1
    except InvalidVersion:
        major_and_more = False
    if not major_and_more:
        what = f"the version {package.version!r} of {package.name} is none of Python"
        raise ImageError(printable(what), where=printable(package.database))
    return version


def unmet_requirements(
    distributions: Sequence[Distribution], environment: PythonEnvironment
) -> tuple[UnmetRequirement, ...]:
    """Return what distributions require, in an environment, and do not get; optional extras do not count.

    Raises:
        ImageError: A requirement or a version is malformed.
    """
    installed = {distribution.key: distribution.version for distribution in distributions}
    unmet = []
    for distribution in distributions:
        if not _takes(distribution, environment):
            found = environment.version
            unmet.append(UnmetRequirement(distribution.name, f"Python {distribution.requires_python}", found))
        for text in distribution.requires:
            requirement = _requirement(text, distribution)
            if not _applies(requirement, environment, distribution):
                continue
            version = installed.get(canonicalize_name(requirement.name))
            if version is None or not _contains(requirement, version, distribution):
                unmet.append(UnmetRequirement(distribution.name, text, version))
    return tuple(unmet)


#: Dozens of distributions name the same ones, and each takes longer to parse than to judge.
_parsed = functools.lru_cache(maxsize=1024)(Requirement)


def _requirement(text: str, distribution: Distribution) -> Requirement:
    try:
        return _parsed(text)
    except InvalidRequirement as error:
        raise ImageError(f"requires {text[:120]!r}: {error}", where=printable(distribution.path)) from None


def _takes(distribution: Distribution, environment: PythonEnvironment) -> bool:
    """Whether a distribution is for the interpreter at all."""
    if distribution.requires_python is None:
        return True
    try:
        wanted = SpecifierSet(distribution.requires_python)
    except InvalidSpecifier as error:
        raise ImageError(f"Requires-Python: {error}", where=printable(distribution.path)) from None
    return wanted.contains(environment.version, prereleases=True)


def _applies(requirement: Requirement, environment: PythonEnvironment, distribution: Distribution) -> bool:
    if requirement.marker is None:
        return True
    try:
        return requirement.marker.evaluate(environment.markers)
    except (UndefinedEnvironmentName, UndefinedComparison) as error:
        raise ImageError(f"requires {requirement}: {error}", where=printable(distribution.path)) from None


def _contains(requirement: Requirement, version: str, distribution: Distribution) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion as error:
        raise ImageError(f"requires {requirement}: {error}", where=printable(distribution.path)) from None
