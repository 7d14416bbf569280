"""Compressed layers are expanded in small pieces; what is damaged, cut off or expands too much is refused."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from importlib import import_module
from pathlib import Path

import pytest
import zstandard

from image_harness.image import ImageError
from image_harness.image.blobs import Blob, Handle
from image_harness.image.compression import decompress
from tests.image.builder import compress


def _blob(data: bytes, folder: Path) -> Blob:
    (folder / "blob").write_bytes(data)
    return Blob("blob", Handle(os.open(folder / "blob", os.O_RDONLY)), 0, len(data))


def _read(data: bytes, folder: Path) -> tuple[bytes, bytes]:
    seen: list[bytes] = []
    plain = b"".join(decompress(_blob(data, folder), seen.append))
    return plain, b"".join(seen)


TEXT = os.urandom(300_000) + bytes(400_000)


@pytest.fixture(params=["zlib", "isal.isal_zlib"], autouse=True)
def _zlib(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with either library."""
    monkeypatch.setattr("image_harness.image.compression._zlib", import_module(request.param))


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:100]) + gzip.compress(b"") + gzip.compress(TEXT[100:]),
        zstandard.ZstdCompressor().compress(TEXT),
        zstandard.ZstdCompressor().compress(TEXT[:100]) + zstandard.ZstdCompressor().compress(TEXT[100:]),
        b"".join(zstandard.ZstdCompressor(write_content_size=False).read_to_iter(io.BytesIO(TEXT))),
        # A skippable frame, as seekable zstd layers end with.
        zstandard.ZstdCompressor().compress(TEXT) + b"\x50\x2a\x4d\x18\x05\0\0\0notes",
    ],
    ids=["plain", "gzip", "gzip members", "zstd", "zstd frames", "zstd stream", "zstd skippable"],
)
def test_all_bytes_are_seen_once_and_expanded(data: bytes, tmp_path: Path) -> None:
    plain, seen = _read(data, tmp_path)
    assert seen == data
    assert plain == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(TEXT, mtime=0)[:-100], "gzip data is cut off"),
        (gzip.compress(TEXT, mtime=0)[:5], "gzip data is cut off"),
        (gzip.compress(TEXT, mtime=0) + b"garbage", "gzip data is (damaged|cut off)"),
        (gzip.compress(TEXT, mtime=0) + b"garbage" * 10, "gzip data is damaged"),
        (gzip.compress(TEXT, mtime=0)[:-8] + b"\0" * 8, "gzip data is damaged: .*check"),
        (b"\x1f\x8b\x09" + b"\0" * 50, "gzip data is damaged"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "zstd data is damaged"),
        (zstandard.ZstdCompressor().compress(TEXT)[:-100], "zstd data is (cut off|damaged)"),
        (zstandard.ZstdCompressor().compress(TEXT)[:-1], "zstd data is (cut off|damaged)"),
        (zstandard.ZstdCompressor().compress(TEXT) + b"garbage", "zstd data is damaged"),
    ],
)
def test_damaged_data_is_told(data: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"blob: the {message}"):
        _read(data, tmp_path)


def test_a_zstd_window_over_the_limit_is_refused(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(ImageError, match="zstd data is damaged"):
        _read(compressor.compress(TEXT) + compressor.flush(), tmp_path)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_layer_that_expands_a_thousand_times_is_refused(how: str, tmp_path: Path) -> None:
    data = compress(bytes(100_000_000), how)
    assert len(data) < 100_000_000 / 500
    pieces = decompress(_blob(data, tmp_path), lambda _: None)
    with pytest.raises(ImageError, match=f"expands to more than 200 times its {len(data)} bytes"):
        sum(map(len, pieces))


def test_the_deflate_stream_of_a_hostile_member_cannot_outgrow_a_piece(tmp_path: Path) -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = compressor.compress(bytes(10_000_000)) + compressor.flush()
    assert max(len(piece) for piece in decompress(_blob(data, tmp_path), lambda _: None)) <= 256 * 1024
