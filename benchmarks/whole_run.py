"""Everything but `release`, image built, against the time from starting a container to its first answer.

    python -m benchmarks whole_run

The limit that the project has set itself is 1.5 times that time plus 2 s.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.layouts import REFERENCE
from image_harness.design import Design, load_design
from image_harness.engine import Engine, RunOptions
from image_harness.types import Port

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
PATIENCE = timedelta(minutes=5)


def main(_: Sequence[str]) -> None:
    """Print both medians and their ratio."""
    design = load_design(ROOT / "designs" / "rdp-monitor.yaml")
    times = [(_boot(design), *_whole()) for _ in range(ROUNDS)]
    boot, whole = median(first for first, _, _ in times), median(second for _, second, _ in times)
    print(f"start to first answer   {boot:7.2f} s")
    print(f"whole run               {whole:7.2f} s   {times[0][2]} checks, {whole / times[0][2]:.3f} s each")
    print(f"ratio                   {whole / boot:7.2f}     (limit 1.5, and 2 s: {1.5 * boot + 2:.1f} s)")


def _boot(design: Design) -> float:
    port = Port(design.service.port)
    begin = time.perf_counter()
    with Engine.connect("docker") as engine, engine.run(REFERENCE, RunOptions(publish=(port,))) as container:
        container.wait_for_http(design.runtime.health_path, PATIENCE, port=port)
        return time.perf_counter() - begin


def _whole() -> tuple[float, int]:
    command = [sys.executable, "-m", "pytest", "image_tests", "--build", "never", "-q", "-p", "no:cacheprovider"]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    found = re.search(r"MET: (\d+) of (\d+) selected", done.stdout)
    if done.returncode != 0 or found is None:
        raise SystemExit(f"whole_run: the run failed:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
    return seconds, int(found[2])


if __name__ == "__main__":
    main(sys.argv[1:])
