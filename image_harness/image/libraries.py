"""Which library of an image a program would be given: the search that ld.so(8) makes, over the image as data."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from image_harness.image.elf import ElfClass, ElfFile, Machine, is_elf, read_elf
from image_harness.image.filesystem import FileSystem

_TRIPLETS: Final = {
    Machine.I386: "i386-linux-gnu",
    Machine.PPC64: "powerpc64le-linux-gnu",
    Machine.S390: "s390x-linux-gnu",
    Machine.ARM: "arm-linux-gnueabihf",
    Machine.X86_64: "x86_64-linux-gnu",
    Machine.AARCH64: "aarch64-linux-gnu",
    Machine.RISCV: "riscv64-linux-gnu",
    Machine.LOONGARCH: "loongarch64-linux-gnu",
}
_CONFIGURATION: Final = "/etc/ld.so.conf"
_CACHE: Final = "/etc/ld.so.cache"
_CONFIGURATIONS: Final = 100
_GLIBC_VERSION: Final = re.compile(r"GLIBC_[0-9]+(?:\.[0-9]+)*")
_NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MissingVersion:
    """A symbol version that a file needs and that the library it would be given does not offer.

    Attributes:
        library: The library, as the file names it.
        version: The symbol version, such as ``GLIBC_2.38``.
        found_in: The library's path in the image.
    """

    library: str
    version: str
    found_in: str


class Libraries:
    """The libraries of an image, as its loader finds them.

    Args:
        fs: The image's file system.
        environment: The variables that a program runs with; LD_LIBRARY_PATH counts.
    """

    def __init__(self, fs: FileSystem, environment: Mapping[str, str] = _NO_ENVIRONMENT) -> None:
        self._fs = fs
        self._environment = tuple(filter(None, environment.get("LD_LIBRARY_PATH", "").split(":")))
        self._read: dict[str, ElfFile | None] = {}
        self._found: dict[tuple[object, ...], ElfFile | None] = {}

    def find(self, user: ElfFile, name: str) -> ElfFile | None:
        """Return the library that a file would be given under a name, or None.

        A library for another machine is passed over, as the loader passes it over.

        Raises:
            ImageError: A candidate is a damaged ELF file.
        """
        if "/" in name:
            return self._usable(user, self._expand(user, name))
        directories = tuple(self._directories(user))
        key = (name, user.machine, user.elf_class, directories)
        if key not in self._found:
            candidates = (self._usable(user, posixpath.join(directory, name)) for directory in directories)
            self._found[key] = next((library for library in candidates if library is not None), None)
        return self._found[key]

    def missing(self, user: ElfFile) -> tuple[str, ...]:
        """Return the libraries that a file needs and that the image does not have, the loader included.

        Raises:
            ImageError: A candidate is a damaged ELF file.
        """
        absent = [name for name in user.needed if self.find(user, name) is None]
        if user.interpreter is not None and self._usable(user, user.interpreter) is None:
            absent.append(user.interpreter)
        return tuple(absent)

    def missing_versions(self, user: ElfFile) -> tuple[MissingVersion, ...]:
        """Return the symbol versions that a file needs and that the image's libraries do not offer.

        Libraries that are missing altogether are ``missing``'s matter.

        Raises:
            ImageError: A candidate is a damaged ELF file.
        """
        absent = []
        for name, versions in user.needed_versions.items():
            library = self.find(user, name)
            if library is not None:
                offered = frozenset(library.defined_versions)
                absent += [
                    MissingVersion(name, version, library.path) for version in versions if version not in offered
                ]
        return tuple(absent)

    def _directories(self, user: ElfFile) -> Iterator[str]:
        """Yield where the loader looks, in its order."""
        if not user.runpath:
            yield from (self._expand(user, path) for path in user.rpath)
        yield from self._environment
        yield from (self._expand(user, path) for path in user.runpath)
        yield from self._configured
        triplet = _TRIPLETS.get(user.machine) if isinstance(user.machine, Machine) else None
        wide = ("/lib64", "/usr/lib64") if user.elf_class is ElfClass.ELF64 else ()
        own = (f"/lib/{triplet}", f"/usr/lib/{triplet}") if triplet is not None else ()
        yield from (*own, "/lib", "/usr/lib", *wide)

    @cached_property
    def _configured(self) -> tuple[str, ...]:
        # The loader reads the cache only; what is configured comes into it when ldconfig is run.
        return tuple(self._configuration(_CONFIGURATION, set())) if self._fs.exists(_CACHE) else ()

    def _configuration(self, path: str, seen: set[str]) -> Iterator[str]:
        """Yield the directories that ld.so.conf names; ldconfig puts their libraries into the loader's cache."""
        entry = self._fs.entry(path)
        if entry is None or not entry.is_file or entry.path in seen or len(seen) == _CONFIGURATIONS:
            return
        seen.add(entry.path)
        for line in self._fs.read_bytes(entry).decode("utf-8", "surrogateescape").split("\n"):
            words = line.partition("#")[0].split()
            if words[:1] == ["include"]:
                for pattern in words[1:]:
                    for included in self._matching(posixpath.join(posixpath.dirname(path), pattern)):
                        yield from self._configuration(included, seen)
            elif words and words[0].startswith("/"):
                yield words[0]

    def _matching(self, pattern: str) -> list[str]:
        directory, name = posixpath.split(pattern)
        entry = self._fs.entry(directory)
        if entry is None or not entry.is_directory:
            return []
        return [
            child.path
            for child in self._fs.children(directory)
            if fnmatch.fnmatchcase(posixpath.basename(child.path), name)
        ]

    def _expand(self, user: ElfFile, path: str) -> str:
        origin = posixpath.dirname(user.path)
        for token in ("$ORIGIN", "${ORIGIN}"):
            path = path.replace(token, origin)
        return path

    def _usable(self, user: ElfFile, path: str) -> ElfFile | None:
        if path not in self._read:
            entry = self._fs.entry(path)
            readable = entry is not None and is_elf(self._fs, entry)
            self._read[path] = read_elf(self._fs, entry) if entry is not None and readable else None
        library = self._read[path]
        if library is None or (library.machine, library.elf_class) != (user.machine, user.elf_class):
            return None
        return library


def glibc_version(fs: FileSystem, user: ElfFile) -> str | None:
    """Return the newest symbol version of the C library that a file would be given, such as ``GLIBC_2.36``.

    Raises:
        ImageError: A candidate is a damaged ELF file.
    """
    library = Libraries(fs).find(user, "libc.so.6")
    if library is None:
        return None
    versions = filter(_GLIBC_VERSION.fullmatch, library.defined_versions)
    return max(versions, key=lambda name: [int(part) for part in name.removeprefix("GLIBC_").split(".")], default=None)
