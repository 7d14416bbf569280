"""How long reading an image takes, against decompressing and hashing its layers once, and against ``docker save``.

    python -m benchmarks image_reading

Rounds alternate between the two sides, so that other work on the machine weighs on both; the medians are compared.
Limits: reading a layout costs at most 1.5 times the bare work, reading from the engine at most 1.3 times docker save.
"""

from __future__ import annotations

import hashlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.layouts import REFERENCE, export
from image_harness.image import ImageReference, open_image

ROUNDS = 7
STEP = 256 * 1024


def main(_: Sequence[str]) -> None:
    """Compare both sides, for a layout and for the engine."""
    with tempfile.TemporaryDirectory(prefix="image-reading-") as folder:
        layout = export(REFERENCE, Path(folder))
        oci, engine = ImageReference.parse(f"oci:{layout}"), ImageReference.parse(f"docker-daemon:{REFERENCE}")
        _compare(f"layout of {REFERENCE}", partial(_read, oci), partial(_bare, _layer_blobs(layout)), 1.5)
        _compare(str(engine), partial(_read, engine), partial(_save, engine), 1.3)


def _compare(name: str, ours: Callable[[], object], bare: Callable[[], object], limit: float) -> None:
    ours()
    bare()
    times = [(_seconds(ours), _seconds(bare)) for _ in range(ROUNDS)]
    mine, theirs = [first for first, _ in times], [second for _, second in times]
    ratio = statistics.median(mine) / statistics.median(theirs)
    print(name)
    print(f"  read   median {statistics.median(mine):.3f} s, best {min(mine):.3f} s")
    print(f"  bare   median {statistics.median(theirs):.3f} s, best {min(theirs):.3f} s")
    print(f"  ratio  median {ratio:.2f}, best {min(mine) / min(theirs):.2f}, limit {limit}")


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _read(reference: ImageReference) -> None:
    open_image(reference).close()


def _bare(blobs: list[Path]) -> None:
    """Decompress and hash every layer once, and nothing else."""
    for blob in blobs:
        stored, plain = hashlib.sha256(), hashlib.sha256()
        inflater = zlib.decompressobj(31)
        with blob.open("rb") as file:
            while data := file.read(STEP):
                stored.update(data)
                plain.update(inflater.decompress(data))


def _save(reference: ImageReference) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise SystemExit("no docker client on PATH")
    subprocess.run([docker, "save", reference.name], check=True, timeout=600, stdout=subprocess.DEVNULL)


def _layer_blobs(layout: Path) -> list[Path]:
    """Return the gzip blobs of a layout; those are its layers."""
    files = (layout / "blobs" / "sha256").iterdir()
    return [path for path in files if path.read_bytes()[:2] == b"\x1f\x8b"]


if __name__ == "__main__":
    main(sys.argv[1:])
