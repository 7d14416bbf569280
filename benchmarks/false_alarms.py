"""Runs of everything but `release` on the good image, again and again: any red is a false alarm.

    python -m benchmarks false_alarms [--runs N] [--out FILE]

Each run takes the checks in a random order of its own. They are run by one process and by two, first on a machine whose
every core another process keeps busy, then on one with nothing else to do. Prints the spread of the durations in
each of the four circumstances, as Markdown; ``--out`` writes it to a file as well. What a red run said is printed with
its seed, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
RUNS = 100


@dataclass(frozen=True, slots=True)
class Circumstance:
    """How a run is made.

    Attributes:
        processes: How many share the checks.
        busy: Whether every core has something else to do as well.
    """

    processes: int
    busy: bool

    def __str__(self) -> str:
        """For the table."""
        shared = "one process" if self.processes == 1 else f"{self.processes} processes (`-n {self.processes}`)"
        return f"{shared}, {'busy' if self.busy else 'idle'} machine"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    Attributes:
        seconds: How long it took.
        red: Whether anything was not met.
    """

    seconds: float
    red: bool


CIRCUMSTANCES = tuple(Circumstance(processes, busy) for busy in (True, False) for processes in (1, 2))


def main(arguments: Sequence[str]) -> None:
    """Make the runs and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks false_alarms")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    runs: dict[Circumstance, list[Run]] = defaultdict(list)
    for seed, circumstance in enumerate(_in_turn(options.runs), 1):
        with _busy() if circumstance.busy else contextlib.nullcontext():
            run = _run(circumstance, seed)
        runs[circumstance].append(run)
        told = "RED" if run.red else "met"
        print(f"{seed:4} of {options.runs}: {circumstance}: {told}, {run.seconds:.1f} s", file=sys.stderr, flush=True)
    table = render(runs)
    print(table, end="")
    if options.out is not None:
        options.out.write_text(table)
    if any(run.red for found in runs.values() for run in found):
        raise SystemExit("false_alarms: there were false alarms")


def _in_turn(runs: int) -> list[Circumstance]:
    """Every circumstance as often as the others, each by itself: what came before is no load for what comes after."""
    return sorted(itertools.islice(itertools.cycle(CIRCUMSTANCES), runs), key=CIRCUMSTANCES.index)


def render(runs: Mapping[Circumstance, Sequence[Run]]) -> str:
    """The table of the durations, in seconds, as Markdown."""
    columns = ("circumstance", "runs", "false alarms", "fastest", "median", "95th percentile", "slowest")
    rows = [f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
    for circumstance, found in runs.items():
        seconds = [run.seconds for run in found]
        late = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        figures = " | ".join(f"{value:.1f}" for value in (min(seconds), median(seconds), late, max(seconds)))
        rows.append(f"| {circumstance} | {len(found)} | {sum(run.red for run in found)} | {figures} |")
    return "\n".join(rows) + "\n"


def _run(circumstance: Circumstance, seed: int) -> Run:
    command = [sys.executable, "-m", "pytest", "image_tests", "--build", "never", "-q", "-p", "no:cacheprovider"]
    command += ["--random-order-bucket=global", f"--random-order-seed={seed}"]
    command += ["-n", str(circumstance.processes)] if circumstance.processes > 1 else []
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    run = Run(time.perf_counter() - begin, done.returncode != 0 or not re.search(r"^MET: ", done.stdout, re.MULTILINE))
    if run.red:
        print(f"seed {seed}:\n{done.stdout[-6000:]}{done.stderr[-1000:]}", file=sys.stderr, flush=True)
    return run


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Keep every core busy, from a process that ends with the context."""
    spinning = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.join()


def _spin() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        sum(number * number for number in range(100_000))


if __name__ == "__main__":
    main(sys.argv[1:])
