"""Debian packages of an image, and whether their files are what the packages shipped.

Distroless images keep one stanza per file in ``/var/lib/dpkg/status.d``, with ``NAME.md5sums`` beside it; others keep
dpkg's own ``/var/lib/dpkg/status`` and ``info/NAME.md5sums``. Both follow deb-control(5) and deb-md5sums(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from image_harness.image.errors import ImageError, printable
from image_harness.image.filesystem import FileSystem
from image_harness.image.limits import MIB
from image_harness.image.problems import FileProblem, ProblemKind

STATUS: Final = "/var/lib/dpkg/status"
STATUS_DIRECTORY: Final = "/var/lib/dpkg/status.d"
_INFO_DIRECTORY: Final = "/var/lib/dpkg/info"
_CHECKSUMS: Final = ".md5sums"
_DATABASE_BYTES: Final = 64 * MIB
_CHECKSUM_LINE: Final = re.compile(r"(?P<digest>[0-9a-f]{32})  (?P<path>.+)")


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """One installed package.

    Attributes:
        name: Its name.
        version: Its version, with Debian's revision.
        architecture: Debian's name of the architecture, such as arm64, or "all".
        database: The file that lists it.
        checksums: The file of its MD5 sums; None where it has none.
        fields: All fields of its stanza.
    """

    name: str
    version: str
    architecture: str
    database: str
    checksums: str | None
    fields: Mapping[str, str] = field(repr=False)

    @property
    def upstream_version(self) -> str:
        """The version without Debian's epoch and revision."""
        without_epoch = self.version.partition(":")[2] or self.version
        return without_epoch.rpartition("-")[0] or without_epoch


def has_dpkg_database(fs: FileSystem) -> bool:
    """Whether the image has dpkg's own database, which a distroless image must not have."""
    return fs.exists(STATUS)


def debian_packages(fs: FileSystem) -> tuple[DebianPackage, ...]:
    """Return the packages that the image's databases list as installed, by name.

    Raises:
        ImageError: A database is malformed.
    """

    def read() -> tuple[DebianPackage, ...]:
        return tuple(sorted(_all(fs), key=lambda package: (package.name, package.database)))

    return fs.once_of_all(debian_packages.__name__, read)


def checksums(fs: FileSystem, package: DebianPackage) -> dict[str, str]:
    """Return the absolute paths of a package's files and their MD5 sums; none for a package without a list.

    Raises:
        ImageError: The list is malformed.
    """
    if package.checksums is None:
        return {}
    found = {}
    text = _text(fs, package.checksums).removesuffix("\n")
    for number, line in enumerate(text.split("\n") if text else (), start=1):
        match = _CHECKSUM_LINE.fullmatch(line)
        if match is None:
            raise ImageError(f"line {number} is no MD5 sum and path", where=printable(package.checksums))
        found["/" + match["path"].removeprefix("./").lstrip("/")] = match["digest"]
    return found


def verify_md5sums(fs: FileSystem, package: DebianPackage) -> tuple[FileProblem, ...]:
    """Return the files that a package claims and that are missing or have another content.

    Raises:
        ImageError: The list is malformed, or a file cannot be read.
    """
    return fs.once_of_all(
        (verify_md5sums.__name__, package.checksums), lambda: tuple(_problems(fs, checksums(fs, package)))
    )


def _problems(fs: FileSystem, expected: Mapping[str, str]) -> Iterator[FileProblem]:
    for path, digest in expected.items():
        entry = fs.entry(path)
        if entry is None or not entry.is_file:
            yield FileProblem(path, ProblemKind.MISSING, digest, None)
            continue
        # The lists guard against accidents, not against attackers; Debian offers no stronger sums.
        actual = fs.digest(entry, "md5")
        if actual != digest:
            yield FileProblem(path, ProblemKind.CHANGED, digest, actual)


def _all(fs: FileSystem) -> Iterator[DebianPackage]:
    status_directory = fs.entry(STATUS_DIRECTORY)
    if status_directory is not None and status_directory.is_directory:
        for entry in fs.children(STATUS_DIRECTORY):
            if not entry.path.endswith(_CHECKSUMS):
                for stanza in _stanzas(_text(fs, entry.path), entry.path):
                    yield _package(fs, stanza, entry.path, (f"{entry.path}{_CHECKSUMS}",))
    if has_dpkg_database(fs):
        for stanza in _stanzas(_text(fs, STATUS), STATUS):
            # "install ok installed"; a removed package leaves its stanza behind.
            if stanza.get("Status", "").split()[-1:] == ["installed"]:
                name, architecture = stanza.get("Package", ""), stanza.get("Architecture", "")
                lists = (
                    f"{_INFO_DIRECTORY}/{name}{_CHECKSUMS}",
                    f"{_INFO_DIRECTORY}/{name}:{architecture}{_CHECKSUMS}",
                )
                yield _package(fs, stanza, STATUS, lists)


def _package(fs: FileSystem, stanza: Mapping[str, str], database: str, lists: tuple[str, ...]) -> DebianPackage:
    for key in ("Package", "Version", "Architecture"):
        if not stanza.get(key):
            raise ImageError(f"a stanza has no {key}", where=printable(database))
    return DebianPackage(
        name=stanza["Package"],
        version=stanza["Version"],
        architecture=stanza["Architecture"],
        database=database,
        checksums=next((path for path in lists if fs.exists(path)), None),
        fields=MappingProxyType(dict(stanza)),
    )


def _stanzas(text: str, where: str) -> Iterator[dict[str, str]]:
    """Yield paragraphs of ``Key: value`` lines; a line that begins with a blank continues the one before."""
    stanza: dict[str, str] = {}
    key = ""
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if not line.strip():
            if stanza:
                yield stanza
            stanza, key = {}, ""
        elif line[0] in " \t" and key:
            stanza[key] += f"\n{line.strip()}"
        else:
            key, colon, value = line.partition(":")
            if not colon or key in stanza:
                raise ImageError(f"line {number} is no field, or one that is there already", where=printable(where))
            stanza[key] = value.strip()


def _text(fs: FileSystem, path: str) -> str:
    return fs.read_bytes(path, limit=_DATABASE_BYTES).decode("utf-8", "surrogateescape")
