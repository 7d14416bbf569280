"""What is inside a Debian package file, read without unpacking it to disk (deb(5))."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from monitor_build.errors import BuildError


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A `.deb`.

    Args:
        path: Where it is.
        control: Its control file.
        md5sums: Its list of checksums, empty when it has none.
    """

    path: Path
    control: bytes
    md5sums: bytes

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads the control archive of a package file.

        Raises:
            BuildError: It is not a Debian package.
        """
        with _archive(path, "--ctrl-tarfile") as archive:
            members = {
                member.name.removeprefix("./"): (archive.extractfile(member) or io.BytesIO()).read()
                for member in archive
                if member.isreg()
            }
        if "control" not in members:
            raise BuildError("not a Debian package: it has no control file", where=str(path))
        return cls(path, members["control"], members.get("md5sums", b""))

    @property
    def name(self) -> str:
        """The package's name."""
        return self._field("Package")

    @property
    def version(self) -> str:
        """The package's version, epoch included."""
        return self._field("Version")

    @contextmanager
    def data(self) -> Iterator[tarfile.TarFile]:
        """The package's files, as a tar to be read once from front to back."""
        with _archive(self.path, "--fsys-tarfile") as archive:
            yield archive

    def _field(self, name: str) -> str:
        for line in self.control.decode().splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return value.strip()
        raise BuildError(f"its control file has no field {name}", where=str(self.path))


@contextmanager
def _archive(path: Path, part: str) -> Iterator[tarfile.TarFile]:
    with subprocess.Popen(["dpkg-deb", part, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
        assert tool.stdout is not None
        try:
            with tarfile.open(fileobj=tool.stdout, mode="r|") as archive:
                yield archive
        except tarfile.TarError as problem:
            raise BuildError(f"not a readable Debian package: {problem}", where=str(path)) from None
        finally:
            tool.stdout.close()
