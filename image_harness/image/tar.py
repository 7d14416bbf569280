"""The entries of a tar stream, read from its headers while the stream passes by.

POSIX.1-2001 (ustar, PAX) and GNU headers, as engines read them when they unpack a layer. Python's ``tarfile`` is not
used for a reason: it takes a damaged header in the middle of an archive for the archive's end, so that what follows is
hidden from every check, and it holds headers of any announced size in memory. It also wants to pull its data, where the
stream here is hashed and kept on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from image_harness.image import tar_fields
from image_harness.image.errors import ImageError, printable
from image_harness.image.limits import HEADER_BYTES, SEGMENT_BYTES, SPARSE_SEGMENTS
from image_harness.image.tar_fields import BLOCK, HEADER, NO_XATTRS, Segment, decimal, natural, padded

_ZEROS: Final = bytes(BLOCK)
_EXTENSIONS: Final = frozenset((b"x", b"g", b"L", b"K"))
_REGULAR: Final = frozenset((b"0", b"\0", b"7", b"S"))
_WITHOUT_DATA: Final = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
_DEVICES: Final = frozenset((b"3", b"4"))
_USTAR: Final = b"ustar\0"
_SPARSE: Final = b"GNU.sparse."
_SPARSE_POINTS: Final = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
_SPARSE_EXTENSION: Final = slice(0, 504)
#: Two numbers of up to 18 digits and their line ends per part.
_SPARSE_MAP_BYTES: Final = padded(38 * SPARSE_SEGMENTS)


class TarMember(NamedTuple):
    """One entry of an archive.

    Attributes:
        name: As written; bytes that are not UTF-8 as surrogates.
        type: The header's type flag: 0 file, 1 hard link, 2 symbolic link, 3 and 4 devices, 5 directory, 6 FIFO.
        mode: Permission bits, 0 to 0o7777.
        uid: The owner.
        gid: The owning group.
        size: The file's length in bytes; 0 for anything else.
        mtime_ns: When it was changed, in nanoseconds since 1970 (UTC).
        link: The target of a link.
        device: Major and minor number of a device.
        xattrs: Extended attributes.
        offset: Where in the archive its data starts.
        segments: Which parts of a sparse file are stored, one after another; None for a file stored as a whole.
    """

    name: str
    type: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    link: str
    device: tuple[int, int]
    xattrs: Mapping[str, bytes]
    offset: int
    segments: tuple[Segment, ...] | None


class _SparseState(NamedTuple):
    """A sparse file whose map is still being read: ``stored`` counts the map's own bytes too, where it has any."""

    member: TarMember
    segments: list[Segment]
    map_data: bytes
    stored: int


class TarParser:
    """Reads the headers of a tar stream that is pushed through it piece by piece.

    Args:
        where: The archive, for messages.
        accept: Called with each entry as it appears; may raise to stop.
        charge: Called with the bytes of each extended header and sparse map; may raise to stop.
    """

    def __init__(self, where: str, accept: Callable[[TarMember], None], charge: Callable[[int], None]) -> None:
        self._where = where
        self._accept = accept
        self._charge = charge
        self._offset = 0
        self._pending = b""
        self._skip = 0
        self._need = BLOCK
        self._step: Callable[[bytes], None] = self._header
        self._extension = (b"", 0)
        self._pax: dict[bytes, bytes] = {}
        self._sparse_points: list[bytes] = []
        self._sparse = _SparseState(TarMember("", "0", 0, 0, 0, 0, 0, "", (0, 0), NO_XATTRS, 0, None), [], b"", 0)
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Read on.

        Raises:
            ImageError: The data is no tar archive, or a header is damaged or over a limit.
        """
        if self.ended:
            return
        position = self._pass_by(data, 0)
        if self._pending:
            data, position = self._pending + data[position:], 0
        while len(data) - position >= self._need and not self.ended:
            block = data[position : position + self._need]
            position += self._need
            self._offset += self._need
            try:
                self._step(block)
            except ValueError as error:
                raise ImageError(f"{error} (tar offset {self._offset - len(block)})", where=self._where) from None
            if self._skip:
                position = self._pass_by(data, position)
        self._pending = data[position:]

    def jump(self) -> int:
        """Return how many bytes come before the next header, and take them as passed: for a source that can seek."""
        skip, self._skip = self._skip, 0
        self._offset += skip
        return skip

    def close(self) -> None:
        """Say that nothing follows. An archive may end at any header, as engines allow.

        Raises:
            ImageError: The archive is cut off.
        """
        between = self._step in (self._header, self._second_zero_block) and not self._pax
        if not self.ended and (self._skip or self._pending or not between):
            raise ImageError(f"the archive is cut off (tar offset {self._offset})", where=self._where)

    def _pass_by(self, data: bytes, position: int) -> int:
        passed = min(self._skip, len(data) - position)
        self._skip -= passed
        self._offset += passed
        return position + passed

    def _expect(self, step: Callable[[bytes], None], need: int = BLOCK) -> None:
        self._step, self._need = step, need

    def _header(self, block: bytes) -> None:
        if block == _ZEROS:
            self._expect(self._second_zero_block)
            return
        fields = HEADER.unpack(block)
        if natural(fields[6], "checksum") != sum(block) - sum(fields[6]) + 8 * ord(" "):
            raise ValueError("a header's checksum is wrong")
        flag: bytes = fields[7]
        size = natural(fields[4], "size")
        if flag in _EXTENSIONS:
            self._begin_extension(flag, size)
        else:
            self._entry(block, fields, flag, size)

    def _second_zero_block(self, block: bytes) -> None:
        if block != _ZEROS:
            raise ValueError("a header follows half of an end-of-archive mark")
        if self._pax:
            raise ValueError("the archive ends after an extended header")
        self.ended = True

    def _begin_extension(self, flag: bytes, size: int) -> None:
        if size > HEADER_BYTES:
            raise ValueError(f"an extended header has {size} bytes, more than {HEADER_BYTES}")
        if flag == b"g":
            # Engines do not apply global headers to the entries that follow: what they ignore is ignored here.
            self._skip = padded(size)
        elif size:
            self._charge(size)
            self._extension = flag, size
            self._expect(self._end_extension, padded(size))

    def _end_extension(self, block: bytes) -> None:
        self._expect(self._header)
        flag, size = self._extension
        body = block[:size]
        if flag == b"L":
            self._pax[b"GNU.longname"] = body.partition(b"\0")[0]
        elif flag == b"K":
            self._pax[b"GNU.longlink"] = body.partition(b"\0")[0]
        else:
            for key, value in tar_fields.pax_records(body):
                if key in _SPARSE_POINTS:
                    self._sparse_points.append(value)
                else:
                    self._pax[key] = value

    def _entry(self, block: bytes, fields: tuple[bytes, ...], flag: bytes, size: int) -> None:
        pax, self._pax = self._pax, {}
        name = _name(fields, pax)
        kind = _kind(flag, name)
        if flag in _WITHOUT_DATA or kind == "5":
            size = 0
        elif b"size" in pax:
            size = decimal(pax[b"size"], "size")
        member = TarMember(
            name=tar_fields.text(name),
            type=kind,
            mode=natural(fields[1], "mode") & 0o7777,
            uid=decimal(pax[b"uid"], "uid") if b"uid" in pax else natural(fields[2], "uid"),
            gid=decimal(pax[b"gid"], "gid") if b"gid" in pax else natural(fields[3], "gid"),
            size=size,
            mtime_ns=tar_fields.moment_ns(fields[5], pax.get(b"mtime")),
            link=tar_fields.text(_link(fields, pax)),
            device=(natural(fields[10], "device"), natural(fields[11], "device")) if flag in _DEVICES else (0, 0),
            xattrs=tar_fields.xattrs(pax) if pax else NO_XATTRS,
            offset=self._offset,
            segments=None,
        )
        if flag == b"S":
            self._begin_gnu_sparse(member, block)
        elif self._sparse_points or any(key.startswith(_SPARSE) for key in pax):
            self._begin_pax_sparse(member, pax)
        else:
            self._skip = padded(size)
            self._accept(member)

    def _begin_gnu_sparse(self, member: TarMember, block: bytes) -> None:
        real = member._replace(size=natural(block[483:495], "size"))
        self._sparse = _SparseState(real, tar_fields.gnu_segments(block), b"", member.size)
        if block[482]:
            self._expect(self._more_gnu_sparse)
        else:
            self._end_sparse()

    def _more_gnu_sparse(self, block: bytes) -> None:
        state = self._sparse
        segments = state.segments + tar_fields.gnu_segments(block, _SPARSE_EXTENSION)
        self._sparse = state._replace(segments=segments)
        tar_fields.limit_segments(segments)
        if not block[504]:
            self._end_sparse()

    def _begin_pax_sparse(self, member: TarMember, pax: Mapping[bytes, bytes]) -> None:
        points, self._sparse_points = self._sparse_points, []
        size = pax.get(b"GNU.sparse.realsize", pax.get(b"GNU.sparse.size"))
        real = member._replace(
            name=tar_fields.text(pax[b"GNU.sparse.name"]) if b"GNU.sparse.name" in pax else member.name,
            size=member.size if size is None else decimal(size, "size"),
        )
        self._sparse = _SparseState(real, [], b"", member.size)
        if pax.get(b"GNU.sparse.major") == b"1":
            self._expect(self._sparse_map_block)
            return
        values = pax[b"GNU.sparse.map"].split(b",") if b"GNU.sparse.map" in pax else points
        self._sparse = self._sparse._replace(segments=tar_fields.paired_segments(values))
        self._end_sparse()

    def _sparse_map_block(self, block: bytes) -> None:
        state = self._sparse
        data = state.map_data + block
        if len(data) > min(padded(state.stored), _SPARSE_MAP_BYTES):
            raise ValueError("the sparse map does not end")
        segments = tar_fields.sparse_map(data)
        self._sparse = state._replace(map_data=data)
        if segments is not None:
            self._sparse = state._replace(segments=segments, stored=state.stored - len(data))
            self._end_sparse()

    def _end_sparse(self) -> None:
        self._expect(self._header)
        member, segments, _, stored = self._sparse
        checked = tar_fields.checked_segments(segments, stored, member.size)
        self._charge(len(checked) * SEGMENT_BYTES)
        self._skip = padded(stored)
        self._accept(member._replace(offset=self._offset, segments=checked))


def _kind(flag: bytes, name: bytes) -> str:
    if flag in _REGULAR:
        # Before POSIX, a directory was a file whose name ends with a slash.
        return "5" if flag == b"\0" and name.endswith(b"/") else "0"
    if flag in _WITHOUT_DATA:
        return flag.decode("ascii")
    raise ValueError(f"{printable(tar_fields.text(name))}: unknown entry type {flag!r}")


def _name(fields: tuple[bytes, ...], pax: Mapping[bytes, bytes]) -> bytes:
    for key in (b"GNU.longname", b"path"):
        if pax.get(key):
            return _without_nul(pax[key])
    name = fields[0].partition(b"\0")[0]
    prefix = fields[12].partition(b"\0")[0] if fields[9].startswith(_USTAR) else b""
    return prefix + b"/" + name if prefix else name


def _link(fields: tuple[bytes, ...], pax: Mapping[bytes, bytes]) -> bytes:
    for key in (b"GNU.longlink", b"linkpath"):
        if pax.get(key):
            return _without_nul(pax[key])
    return fields[8].partition(b"\0")[0]


def _without_nul(name: bytes) -> bytes:
    if b"\0" in name:
        raise ValueError("a name holds a NUL byte")
    return name
