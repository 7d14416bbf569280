"""Layers as plain bytes: gzip, zstd or as they are, piece by piece, in bounded memory."""

from __future__ import annotations

import enum
import io
import secrets
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import IO, Final, cast

from image_harness.image.blobs import Blob
from image_harness.image.errors import ImageError
from image_harness.image.limits import EXPANSION, EXPANSION_FREE, KIB, ZSTD_WINDOW

_READ: Final = 128 * KIB
_WRITE: Final = 256 * KIB
_GZIP_ONLY: Final = 31
#: isal has the same interface as zlib and inflates twice as fast, on the processors that it is made for.
_zlib = import_module("isal.isal_zlib" if find_spec("isal") else "zlib")
_MARK: Final = 16


class Compression(enum.Enum):
    """How a blob is compressed. The value is what its first bytes are."""

    GZIP = b"\x1f\x8b"
    ZSTD = b"\x28\xb5\x2f\xfd"
    NONE = b""

    @classmethod
    def of(cls, blob: Blob) -> Compression:
        """Tell by the first bytes, as engines do: media types are not always right, and old archives have none."""
        start = blob.read(0, 4)
        return next(kind for kind in cls if start.startswith(kind.value))


def decompress(blob: Blob, seen: Callable[[bytes], object]) -> Iterator[bytes]:
    """Yield a blob's uncompressed bytes, some hundred KiB at a time.

    Args:
        blob: What to read, to its last byte.
        seen: Called with the compressed bytes as they are read, to hash them.

    Raises:
        ImageError: The data is damaged, cut off, or expands too much.
    """
    readers = {Compression.GZIP: _gunzip, Compression.ZSTD: _unzstd, Compression.NONE: _plain}
    total = 0
    for piece in readers[Compression.of(blob)](blob, seen):
        total += len(piece)
        if total > EXPANSION_FREE and total > EXPANSION * blob.size:
            raise ImageError(f"expands to more than {EXPANSION} times its {blob.size} bytes", where=blob.where)
        yield piece


def _plain(blob: Blob, seen: Callable[[bytes], object]) -> Iterator[bytes]:
    position = 0
    while position < blob.size:
        data = blob.read(position, _WRITE)
        position += len(data)
        seen(data)
        yield data


def _gunzip(blob: Blob, seen: Callable[[bytes], object]) -> Iterator[bytes]:
    """Read one gzip member after another: parallel compressors and seekable layers write many."""
    inflater = _zlib.decompressobj(_GZIP_ONLY)
    position = 0
    data = b""
    try:
        while data or position < blob.size:
            if inflater.eof:
                inflater = _zlib.decompressobj(_GZIP_ONLY)
            if not data:
                data = blob.read(position, _READ)
                position += len(data)
                seen(data)
            piece = inflater.decompress(data, _WRITE)
            data = inflater.unused_data or inflater.unconsumed_tail
            if piece:
                yield piece
        while not inflater.eof:
            # Output may be waiting inside the inflater although all input has been given.
            piece = inflater.decompress(b"", _WRITE)
            if piece:
                yield piece
            elif not inflater.eof:
                raise ImageError("the gzip data is cut off", where=blob.where)
    except _zlib.error as error:
        raise ImageError(f"the gzip data is damaged: {error}", where=blob.where) from None


class _Reader(io.RawIOBase):
    """What python-zstandard reads from: a blob as a file object that shows what passes, and ends with a frame of ours.

    Args:
        blob: The blob.
        seen: Called with the blob's bytes as they are read.
        end: What follows the blob.
    """

    def __init__(self, blob: Blob, seen: Callable[[bytes], object], end: bytes) -> None:
        self._blob = blob
        self._seen = seen
        self._end = end
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        data = self._blob.read(self._position, size)
        self._position += len(data)
        self._seen(data)
        if not data:
            data, self._end = self._end[:size], self._end[size:]
        return data


def _unzstd(blob: Blob, seen: Callable[[bytes], object]) -> Iterator[bytes]:
    import zstandard  # noqa: PLC0415  # only images that use it pay for it

    # python-zstandard takes a frame that is cut off for a whole one. A frame of our own behind the blob tells them
    # apart: only where the last frame is whole does the output end with this frame's content, which nobody can guess.
    mark = secrets.token_bytes(_MARK)
    end = zstandard.ZstdCompressor(write_checksum=True).compress(mark)
    reader = cast("IO[bytes]", _Reader(blob, seen, end))
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    kept = b""
    try:
        with decompressor.stream_reader(reader, read_size=_READ, read_across_frames=True) as stream:
            while piece := stream.read(_WRITE):
                kept += piece
                if len(kept) > _MARK:
                    yield kept[:-_MARK]
                    kept = kept[-_MARK:]
    except zstandard.ZstdError as error:
        raise ImageError(f"the zstd data is damaged: {error}", where=blob.where) from None
    if kept != mark:
        raise ImageError("the zstd data is cut off", where=blob.where)
