"""What 10,000 requirements on files cost on top of 100, on the same image of 10,000 files.

    python -m benchmarks design_scale

Whole processes of pytest: the design is read and validated, the checks traced, every requirement decided and added up.
The limit that the project has set itself is 1 s more.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.layouts import header, write_layout

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
FEW, MANY = 100, 10_000


def main(_: Sequence[str]) -> None:
    """Print both medians and their difference."""
    with tempfile.TemporaryDirectory(prefix="design-scale-") as name:
        folder = Path(name)
        layout = folder / "layout"
        members = [header(_path(number), 1) + b"x".ljust(512, b"\0") for number in range(MANY)]
        write_layout(layout, iter([*members, bytes(1024)]))
        commands = {count: _command(layout, _design(folder, count)) for count in (FEW, MANY)}
        times: dict[int, list[float]] = {count: [] for count in commands}
        for _round in range(ROUNDS):
            for count, command in commands.items():
                times[count].append(_seconds(command, count))
    for count, seconds in times.items():
        print(f"{count:6} requirements on files  {median(seconds):6.2f} s")
    print(f"difference                   {median(times[MANY]) - median(times[FEW]):6.2f} s   (limit 1 s)")


def _path(number: int) -> str:
    return f"srv/files/{number // 100:03}/{number:05}"


def _design(folder: Path, count: int) -> Path:
    file = folder / f"{count}.yaml"
    lines = [f'    /{_path(number)}: {{type: file, mode: "0644", uid: 0, empty: false}}' for number in range(count)]
    file.write_text("\n".join([f"extends: {ROOT / 'designs' / 'rdp-monitor.yaml'}", "base:", "  files:", *lines, ""]))
    return file


def _command(layout: Path, design: Path) -> list[str]:
    check = "image_tests/test_base.py::test_file_of_the_base"
    options = ["--image", f"oci:{layout}", "--design", str(design), "-p", "no:cacheprovider", "-q"]
    return [sys.executable, "-m", "pytest", check, "-m", "image", *options]


def _seconds(command: Sequence[str], count: int) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if f"MET: {count} of" not in done.stdout:  # the nine files of the base are not in this image
        raise SystemExit(f"design_scale: the run failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


if __name__ == "__main__":
    main(sys.argv[1:])
