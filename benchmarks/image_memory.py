"""What reading costs in memory and time as layers grow: it must follow the number of entries, not of bytes.

    python benchmarks/image_memory.py [--small]

Makes OCI layouts in a temporary folder: one layer of 100 MB, 1 GB and 4 GB in 1,000 files each, then small layers of
many entries, then one with a million entries, which is refused. Each is read in a process of its own. ``ratio`` is the
time against decompressing and hashing the layer once. ``--small`` leaves out the gigabytes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image_harness.image import ImageError, ImageReference, open_image

MB = 1_000_000
STEP = 256 * 1024
FILES = 1_000
MEMORY_LIMIT_MB = 150


@dataclass(frozen=True)
class Cost:
    """What one reading cost: seconds, the process's peak memory in MB, and how it ended."""

    seconds: float
    peak_mb: float
    entries: int
    outcome: str


def main(arguments: list[str]) -> int:
    """Print a table and tell whether memory stayed within the limit for every size in bytes."""
    if arguments[:1] == ["--read"]:
        print(json.dumps(_read(arguments[1])))
        return 0
    sizes = [100 * MB] if "--small" in arguments else [100 * MB, 1_000 * MB, 4_000 * MB]
    kept = True
    print(f"{'layer':>22}  {'entries':>9}  {'seconds':>8}  {'ratio':>6}  {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            cost = _measure(f"{size // MB} MB", Path(folder) / str(size), _large_files(size))
            kept &= cost.peak_mb < MEMORY_LIMIT_MB
        for count in (5_000, 50_000, 300_000, 1_000_000):
            _measure(f"{count} empty files", Path(folder) / f"entries{count}", _empty_files(count))
    return 0 if kept else 1


def _measure(name: str, folder: Path, members: Iterator[bytes]) -> Cost:
    blob = _write_layout(folder, members)
    bare = min(_bare(blob) for _ in range(2))
    output = subprocess.run(
        [sys.executable, __file__, "--read", f"oci:{folder}"], check=True, capture_output=True, text=True, timeout=900
    )
    cost = Cost(**json.loads(output.stdout))
    print(
        f"{name:>22}  {cost.entries:>9}  {cost.seconds:>8.2f}  {cost.seconds / bare:>6.2f}  {cost.peak_mb:>8.0f}"
        f"  {cost.outcome}"
    )
    return cost


def _read(reference: str) -> dict[str, object]:
    begin = time.perf_counter()
    entries, outcome = 0, ""
    try:
        with open_image(ImageReference.parse(reference)) as image:
            seconds = time.perf_counter() - begin
            entries = sum(1 for _ in image.filesystem.walk())
    except ImageError as error:
        seconds = time.perf_counter() - begin
        outcome = f"refused: {error.what}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"seconds": seconds, "peak_mb": peak, "entries": entries, "outcome": outcome}


def _bare(blob: Path) -> float:
    """Decompress and hash a layer of many gzip members once."""
    begin = time.perf_counter()
    stored, plain = hashlib.sha256(), hashlib.sha256()
    inflater = zlib.decompressobj(31)
    with blob.open("rb") as file:
        while data := file.read(STEP // 4):
            stored.update(data)
            while data:
                plain.update(inflater.decompress(data))
                data = inflater.unused_data
                if inflater.eof:
                    inflater = zlib.decompressobj(31)
    return time.perf_counter() - begin


def _large_files(size: int) -> Iterator[bytes]:
    """Yield a tar stream of files whose content shrinks to a quarter, in pieces that repeat."""
    part = size // FILES // 512 * 512
    content = b"".join(os.urandom(1024) + bytes(3 * 1024) for _ in range(part // 4096 + 1))[:part]
    for number in range(FILES):
        yield _header(f"files/{number}", part)
        yield content
    yield bytes(1024)


def _empty_files(count: int) -> Iterator[bytes]:
    for begin in range(0, count, 1000):
        yield b"".join(_header(f"usr/lib/python3/d{begin // 1000}/module_{number}.py", 0) for number in range(1000))
    yield bytes(1024)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def _write_layout(folder: Path, pieces: Iterator[bytes]) -> Path:
    """Write a layout of one layer and return the layer's blob. Pieces that repeat are compressed once."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    stored, plain = hashlib.sha256(), hashlib.sha256()
    known: dict[bytes, bytes] = {}
    with (folder / "layer").open("wb") as file:
        for piece in pieces:
            plain.update(piece)
            key = hashlib.sha256(piece).digest() if len(piece) > 2048 else b""
            member = known.get(key) or gzip.compress(piece, 1)
            if key:
                known = {key: member}
            stored.update(member)
            file.write(member)
    blob = (folder / "layer").rename(blobs / stored.hexdigest())
    layer = {"digest": f"sha256:{stored.hexdigest()}", "size": blob.stat().st_size}
    config = {
        "os": "linux",
        "architecture": "arm64",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{plain.hexdigest()}"]},
    }
    kind = "application/vnd.oci.image"
    described = {
        "schemaVersion": 2,
        "config": _blob(blobs, config, f"{kind}.config.v1+json"),
        "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", **layer}],
    }
    index = {"schemaVersion": 2, "manifests": [_blob(blobs, described, f"{kind}.manifest.v1+json")]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return blob


def _blob(blobs: Path, document: object, media_type: str) -> dict[str, object]:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
