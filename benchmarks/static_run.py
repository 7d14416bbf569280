"""A whole run of source and image evidence as a user starts it, Python's start included.

    python -m benchmarks static_run

Beside it stands what decompressing and hashing the layers costs, and what Python and pytest take to do nothing. The
limit that the project has set itself is 1.5 s and 150 MB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.layouts import REFERENCE, export

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9


def main(_: Sequence[str]) -> None:
    """Print both medians, and the run's peak memory."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    with tempfile.TemporaryDirectory(prefix="static-run-") as folder:
        layout = export(REFERENCE, Path(folder) / "layout")
        empty = Path(folder) / "test_nothing.py"
        empty.write_text("def test_nothing() -> None: ...\n")
        run = [*pytest, "image_tests", "-m", "source or image", "--image", f"oci:{layout}"]
        nothing = [*pytest, "-p", "no:image-harness", "-c", "/dev/null", str(empty)]
        print(_output(run).splitlines()[-1])
        times = [(_seconds(run), _seconds(nothing)) for _ in range(ROUNDS)]
    whole, bare = (median(column) for column in zip(*times, strict=True))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"whole process       {whole:6.2f} s   (best {min(first for first, _ in times):.2f} s; limit 1.5 s)")
    print(f"pytest and no check {bare:6.2f} s")
    print(f"peak memory         {peak:6.0f} MB  (limit 150 MB)")


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _seconds(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    _output(command)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(sys.argv[1:])
