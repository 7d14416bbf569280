"""The values in tar headers: POSIX.1-2001 (ustar, PAX) and GNU. What is malformed raises ValueError with one clause."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from image_harness.image.limits import SPARSE_SEGMENTS

BLOCK: Final = 512
#: name, mode, uid, gid, size, mtime, checksum, type, link name, magic and version, device numbers, prefix
HEADER: Final = struct.Struct("100s8s8s8s12s12s8sc100s8s64x8s8s155s12x")
NO_XATTRS: Final[Mapping[str, bytes]] = {}

_SPARSE_PAIR: Final = struct.Struct("12s12s")
_SPARSE_FIELD: Final = slice(386, 482)
_XATTR: Final = b"SCHILY.xattr."
_DECIMAL: Final = re.compile(rb"(-?)([0-9]{1,18})(?:\.([0-9]*))?")
_NANOSECONDS: Final = 1_000_000_000
#: The seconds since 1970 that Python's datetime can express: the years 1 to 9999.
_MOMENTS: Final = range(-62_135_596_800, 253_402_300_800)


class Segment(NamedTuple):
    """A part of a sparse file that holds data; the rest reads as zeros.

    Attributes:
        offset: Where in the file it lies.
        size: Its bytes.
    """

    offset: int
    size: int


def padded(size: int) -> int:
    """Return a size rounded up to whole blocks."""
    return -(-size // BLOCK) * BLOCK


@functools.lru_cache(maxsize=1024)  # an image has few owners, modes and moments, and many files
def number(field: bytes, name: str) -> int:
    """Read a numeric field: octal text, or GNU's big-endian binary form, which may be negative."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=True) if field[0] == 0xFF else _unsigned(field)
        if not -(2**62) < value < 2**62:
            raise ValueError(f"the {name} is out of range")
        return value
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    try:
        if digits.isdigit():
            return int(digits, 8)
    except ValueError:
        pass
    raise ValueError(f"the {name} {digits!r} is not octal")


def natural(field: bytes, name: str) -> int:
    """Read a numeric field that cannot be negative."""
    value = number(field, name)
    if value < 0:
        raise ValueError(f"the {name} is negative")
    return value


def decimal(value: bytes, name: str) -> int:
    """Read a whole number of a PAX record or a sparse map."""
    if not value.isdigit() or len(value) > 18:
        raise ValueError(f"the {name} {value[:40]!r} is not a whole number")
    return int(value)


def moment_ns(field: bytes, record: bytes | None) -> int:
    """Return a modification time in nanoseconds since 1970, from the PAX record or else the header's field."""
    if record is None:
        seconds, nanoseconds = number(field, "mtime"), 0
    else:
        match = _DECIMAL.fullmatch(record)
        if match is None:
            raise ValueError(f"the mtime {record[:40]!r} is not a number")
        nanoseconds = int((match[3] or b"")[:9].ljust(9, b"0"))
        seconds = int(match[2])
        if match[1]:
            seconds, nanoseconds = -seconds, -nanoseconds
    if seconds not in _MOMENTS:
        raise ValueError(f"the mtime {seconds} is not in the years 1 to 9999")
    return seconds * _NANOSECONDS + nanoseconds


def pax_records(body: bytes) -> list[tuple[bytes, bytes]]:
    """Read a PAX header's records, ``LENGTH KEY=VALUE`` and a line end each; LENGTH counts the whole record."""
    records = []
    position = 0
    while position < len(body):
        space = body.find(b" ", position, position + 12)
        digits = body[position : max(space, position)]
        if not digits.isdigit():
            raise ValueError("a PAX record is malformed")
        end = position + int(digits)
        if not space < end <= len(body) or body[end - 1] != ord("\n"):
            raise ValueError("a PAX record is malformed")
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if not key or not equals:
            raise ValueError("a PAX record has no key")
        records.append((key, value))
        position = end
    return records


def xattrs(pax: Mapping[bytes, bytes]) -> Mapping[str, bytes]:
    """Return the extended attributes among PAX records."""
    found = {text(key[len(_XATTR) :]): value for key, value in pax.items() if key.startswith(_XATTR)}
    return found or NO_XATTRS


def text(name: bytes) -> str:
    """Decode a name; bytes that are not UTF-8 become surrogates, as in ``os.fsdecode``."""
    return name.decode("utf-8", "surrogateescape")


def gnu_segments(block: bytes, field: slice = _SPARSE_FIELD) -> list[Segment]:
    """Read the pairs of GNU's old sparse format, which an empty pair ends."""
    found = []
    for offset, size in _SPARSE_PAIR.iter_unpack(block[field]):
        if not offset.strip(b"\0 ") and not size.strip(b"\0 "):
            break
        found.append(Segment(natural(offset, "sparse map"), natural(size, "sparse map")))
    return found


def paired_segments(values: Iterable[bytes]) -> list[Segment]:
    """Read the alternating offsets and sizes of the PAX sparse formats."""
    numbers = [decimal(value, "sparse map") for value in values]
    if len(numbers) % 2:
        raise ValueError("the sparse map lacks a size")
    return [Segment(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]


def sparse_map(data: bytes) -> list[Segment] | None:
    """Read the map of PAX sparse format 1.0, one number per line, from the start of the data.

    Returns:
        The map, or None where more of the data is needed.
    """
    lines = data.split(b"\n")
    if len(lines) == 1:
        if len(data) >= BLOCK:
            raise ValueError("the sparse map has no length")
        return None
    count = decimal(lines[0], "sparse map")
    if count > SPARSE_SEGMENTS:
        raise ValueError(f"the sparse map has {count} parts, more than {SPARSE_SEGMENTS}")
    # The last item is what follows the last line end: not yet a whole line.
    if len(lines) - 1 < 1 + 2 * count:
        return None
    return paired_segments(lines[1 : 1 + 2 * count])


def limit_segments(segments: list[Segment]) -> None:
    """Refuse a sparse map of very many parts."""
    if len(segments) > SPARSE_SEGMENTS:
        raise ValueError(f"the sparse map has more than {SPARSE_SEGMENTS} parts")


def checked_segments(segments: list[Segment], stored: int, size: int) -> tuple[Segment, ...]:
    """Make sure that a sparse map is ordered, stays inside the file and covers exactly the data that is stored."""
    limit_segments(segments)
    end = 0
    for segment in segments:
        if segment.offset < end:
            raise ValueError("the sparse map is not in order")
        end = segment.offset + segment.size
    if end > size or sum(segment.size for segment in segments) != stored:
        raise ValueError("the sparse map does not fit the data")
    return tuple(segment for segment in segments if segment.size)


def _unsigned(field: bytes) -> int:
    return int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
