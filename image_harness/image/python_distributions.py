"""Python distributions of an image: dist-info directories, as packaging.python.org's specifications have them."""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from packaging.utils import canonicalize_name

from image_harness.image.entries import Entry
from image_harness.image.errors import ImageError, printable
from image_harness.image.filesystem import FileSystem
from image_harness.image.limits import KIB, MIB
from image_harness.image.problems import FileProblem, ProblemKind

_SUFFIX: Final = ".dist-info"
_METADATA_BYTES: Final = 16 * MIB
_SHEBANG_BYTES: Final = 4 * KIB
#: RECORD's digests: those of a length of their own.
_ALGORITHMS: Final = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_"))
_SIZE: Final = re.compile(r"[0-9]{1,18}|")


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One line of RECORD.

    Attributes:
        path: Where the file is, absolute.
        algorithm: The digest's algorithm; None where RECORD names none (compiled files, RECORD itself).
        digest: The digest in hex; None where RECORD names none.
        size: Bytes; None where RECORD names none.
    """

    path: str
    algorithm: str | None
    digest: str | None
    size: int | None


@dataclass(frozen=True, slots=True)
class ConsoleScript:
    """A program that a distribution brings along.

    Attributes:
        name: What it is called.
        target: What it runs: ``module:function``.
        path: Where it is; None where RECORD does not name it or it is not there.
        interpreter: The program of its first line; None where it has none.
        interpreter_exists: Whether that program is in the image.
    """

    name: str
    target: str
    path: str | None
    interpreter: str | None
    interpreter_exists: bool


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: As its metadata writes it.
        version: As its metadata writes it.
        path: The dist-info directory.
        requires: What it requires, as written (PEP 508).
        requires_python: Which interpreters it is for; None where it does not say.
        wheel_tags: What the wheel was built for, such as ``cp311-cp311-manylinux_2_17_aarch64``.
        files: What RECORD lists.
        console_scripts: Its programs.
    """

    name: str
    version: str
    path: str
    requires: tuple[str, ...]
    requires_python: str | None
    wheel_tags: tuple[str, ...]
    files: tuple[RecordedFile, ...] = field(repr=False)
    console_scripts: tuple[ConsoleScript, ...]

    @property
    def key(self) -> str:
        """The name in the form in which names are compared."""
        return canonicalize_name(self.name)

    @property
    def import_names(self) -> tuple[str, ...]:
        """The top-level modules and packages that it brings along."""
        site_packages = posixpath.dirname(self.path)
        inside = (item.path.removeprefix(f"{site_packages}/") for item in self.files)
        names = set()
        for path in inside:
            first, slash, _ = path.partition("/")
            is_module = path.endswith((".py", ".so")) and not path.startswith("/")
            if is_module:
                names.add(first if slash else first.partition(".")[0])
        return tuple(sorted(name for name in names if name.isidentifier() and name != "__pycache__"))


def python_distributions(fs: FileSystem, site_packages: str) -> tuple[Distribution, ...]:
    """Return the distributions of a site-packages directory, by name.

    Raises:
        ImageError: The directory is not there, or metadata is malformed.
    """

    def read() -> tuple[Distribution, ...]:
        found = [_distribution(fs, entry) for entry in fs.children(site_packages) if _is_metadata(entry)]
        return tuple(sorted(found, key=lambda distribution: distribution.key))

    return fs.once_of_all((python_distributions.__name__, site_packages), read)


def all_distributions(fs: FileSystem) -> tuple[Distribution, ...]:
    """Return the distributions of an image wherever they are, by directory and name.

    Raises:
        ImageError: Metadata is malformed.
    """
    found = {posixpath.dirname(entry.path) for entry in fs.walk() if _is_metadata(entry)}
    return tuple(distribution for directory in sorted(found) for distribution in python_distributions(fs, directory))


def verify_record(fs: FileSystem, distribution: Distribution) -> tuple[FileProblem, ...]:
    """Return the files that a distribution claims and that are missing or have another content.

    Raises:
        ImageError: A digest's algorithm is unknown, or a file cannot be read.
    """

    def verify() -> tuple[FileProblem, ...]:
        return tuple(problem for item in distribution.files for problem in _verify(fs, item))

    return fs.once_of_all((verify_record.__name__, distribution.files), verify)


def _is_metadata(entry: Entry) -> bool:
    return entry.path.endswith(_SUFFIX) and not entry.is_file


def _verify(fs: FileSystem, item: RecordedFile) -> Iterator[FileProblem]:
    entry = fs.entry(item.path)
    if entry is None or not entry.is_file:
        yield FileProblem(item.path, ProblemKind.MISSING, item.digest or "", None)
    elif item.algorithm is not None and item.digest is not None:
        digest = fs.digest(entry, item.algorithm)
        if digest != item.digest:
            yield FileProblem(item.path, ProblemKind.CHANGED, item.digest, digest)


def _distribution(fs: FileSystem, entry: Entry) -> Distribution:
    metadata = _headers(fs, f"{entry.path}/METADATA")
    name, version = metadata["Name"], metadata["Version"]
    if not name or not version:
        raise ImageError("Name or Version is missing", where=printable(f"{entry.path}/METADATA"))
    wheel = _headers(fs, f"{entry.path}/WHEEL") if fs.exists(f"{entry.path}/WHEEL") else Message()
    files = _record(fs, entry.path)
    return Distribution(
        name=str(name),
        version=str(version),
        path=entry.path,
        requires=tuple(map(str, metadata.get_all("Requires-Dist", []))),
        requires_python=metadata["Requires-Python"],
        wheel_tags=tuple(map(str, wheel.get_all("Tag", []))),
        files=files,
        console_scripts=tuple(_console_scripts(fs, entry.path, files)),
    )


def _record(fs: FileSystem, directory: str) -> tuple[RecordedFile, ...]:
    path = f"{directory}/RECORD"
    if not fs.exists(path):
        return ()
    return fs.once(path, (_record.__name__, path), lambda: tuple(_recorded(_text(fs, path), path)))


def _recorded(text: str, path: str) -> Iterator[RecordedFile]:
    """Read RECORD: path, digest and size per line; paths are relative to site-packages and may lead out of it."""
    site_packages = posixpath.dirname(posixpath.dirname(path))
    for number, row in _rows(text, path):
        if len(row) != 3:
            raise ImageError(f"line {number} has {len(row)} columns, not 3", where=printable(path))
        name, digest, size = row
        algorithm, _, encoded = digest.partition("=")
        if digest and not (encoded and algorithm in _ALGORITHMS):
            raise ImageError(f"line {number} has no known digest", where=printable(path))
        if not _SIZE.fullmatch(size):
            raise ImageError(f"line {number} has a size that is no number", where=printable(path))
        try:
            plain = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
        except ValueError:
            raise ImageError(f"line {number} has a digest that is not base64", where=printable(path)) from None
        yield RecordedFile(
            path=posixpath.normpath(posixpath.join(site_packages, name)),
            algorithm=algorithm or None,
            digest=plain or None,
            size=int(size) if size else None,
        )


def _rows(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of RECORD that is not empty, with the number of the line that it ends in."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise ImageError(f"line {reader.line_num} cannot be read: {error}", where=printable(path)) from None


def _console_scripts(fs: FileSystem, directory: str, files: tuple[RecordedFile, ...]) -> Iterator[ConsoleScript]:
    path = f"{directory}/entry_points.txt"
    if not fs.exists(path):
        return
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of programs keep their case
    try:
        parser.read_string(_text(fs, path))
    except configparser.Error as error:
        raise ImageError(f"malformed: {printable(str(error))}", where=printable(path)) from None
    programs = {posixpath.basename(item.path): item.path for item in files if "/bin/" in item.path}
    section = parser["console_scripts"] if parser.has_section("console_scripts") else {}
    for name, target in section.items():
        yield _console_script(fs, name, target, programs)


def _console_script(fs: FileSystem, name: str, target: str, programs: Mapping[str, str]) -> ConsoleScript:
    entry = fs.entry(programs[name]) if name in programs else None
    if entry is None or not entry.is_file:
        return ConsoleScript(name, target, None, None, interpreter_exists=False)
    first_line = fs.read_at(entry, 0, _SHEBANG_BYTES).partition(b"\n")[0]
    words = first_line.removeprefix(b"#!").decode("utf-8", "surrogateescape").split()
    if not first_line.startswith(b"#!") or not words:
        return ConsoleScript(name, target, entry.path, None, interpreter_exists=False)
    interpreter = fs.entry(words[0])
    exists = interpreter is not None and interpreter.is_file and bool(interpreter.mode & 0o111)
    return ConsoleScript(name, target, entry.path, words[0], interpreter_exists=exists)


def _headers(fs: FileSystem, path: str) -> Message:
    return fs.once(path, _headers.__name__, lambda: HeaderParser().parsestr(_text(fs, path)))


def _text(fs: FileSystem, path: str) -> str:
    return fs.read_text(path, limit=_METADATA_BYTES)
