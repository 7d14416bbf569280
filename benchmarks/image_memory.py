"""What reading costs in memory and time as layers grow: it must follow the number of entries, not of bytes.

    python -m benchmarks image_memory [--small]

Makes OCI layouts in a temporary folder: one layer of 100 MB, 1 GB and 4 GB in 1,000 files each, then small layers of
many entries, then one with a million entries, which is refused. Each is read in a process of its own. ``ratio`` is the
time against decompressing and hashing the layer once. ``--small`` leaves out the gigabytes. The limit that the
project has set itself is 150 MB, whatever the bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.layouts import header, write_layout
from image_harness.image import ImageError, ImageReference, open_image

MB = 1_000_000
STEP = 256 * 1024
FILES = 1_000


@dataclass(frozen=True)
class Cost:
    """What one reading cost: seconds, the process's peak memory in MB, and how it ended."""

    seconds: float
    peak_mb: float
    entries: int
    outcome: str


def main(arguments: Sequence[str]) -> None:
    """Print a table."""
    if list(arguments[:1]) == ["--read"]:
        print(json.dumps(_read(arguments[1])))
        return
    sizes = [100 * MB] if "--small" in arguments else [100 * MB, 1_000 * MB, 4_000 * MB]
    print(f"{'layer':>22}  {'entries':>9}  {'seconds':>8}  {'ratio':>6}  {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            _measure(f"{size // MB} MB", Path(folder) / str(size), _large_files(size))
        for count in (5_000, 50_000, 300_000, 1_000_000):
            _measure(f"{count} empty files", Path(folder) / f"entries{count}", _empty_files(count))


def _measure(name: str, folder: Path, members: Iterator[bytes]) -> None:
    blob = write_layout(folder, members)
    bare = min(_bare(blob) for _ in range(2))
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.image_memory", "--read", f"oci:{folder}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    cost = Cost(**json.loads(output.stdout))
    print(
        f"{name:>22}  {cost.entries:>9}  {cost.seconds:>8.2f}  {cost.seconds / bare:>6.2f}  {cost.peak_mb:>8.0f}"
        f"  {cost.outcome}"
    )


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
        yield header(f"files/{number}", part)
        yield content
    yield bytes(1024)


def _empty_files(count: int) -> Iterator[bytes]:
    for begin in range(0, count, 1000):
        yield b"".join(header(f"usr/lib/python3/d{begin // 1000}/module_{number}.py", 0) for number in range(1000))
    yield bytes(1024)


if __name__ == "__main__":
    main(sys.argv[1:])
