"""Runs of everything but `release` on the good image, again and again: any red is a false alarm.

    python -m benchmarks false_alarms [--runs N] [--image REF] [--out FILE]

Each run takes the checks in a random order of its own, in one process or in two. Most runs are made two at a time: each
keeps both cores of a small machine busy for the other, and neither may take the other's containers for its own. Some
are made beside a program that keeps every core busy, and some alone. Prints the spread of the durations in each of
these circumstances, as Markdown; ``--out`` writes it to a file as a page. What a run said that was not met as a whole
is printed with its seed; the exit code is 1 if one was red, or came to no verdict.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from statistics import median, quantiles

import pytest

from image_harness.report.text import STATUS_WORDS
from image_harness.types import Status

ROOT = Path(__file__).resolve().parents[1]
RUNS = 100


class Company(Enum):
    """What else goes on."""

    RUN = "beside another run"
    PROGRAM = "beside a program on every core"
    NOBODY = "alone"


@dataclass(frozen=True, slots=True)
class Circumstance:
    """How a run is made.

    Attributes:
        processes: How many share the checks.
        company: What else goes on.
    """

    processes: int
    company: Company

    def __str__(self) -> str:
        """For the table."""
        shared = "one process" if self.processes == 1 else f"{self.processes} processes (`-n {self.processes}`)"
        return f"{shared}, {self.company.value}"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    Attributes:
        seconds: How long it took.
        verdict: Of all requirements; None if it came to none.
    """

    seconds: float
    verdict: Status | None

    @property
    def red(self) -> bool:
        """Whether anything was not met, or nothing was said at all."""
        return self.verdict not in {Status.MET, Status.UNPROVEN}


# What is run at once, one after the other and again from the start.
_ALONE = [(Circumstance(processes, company),) for company in (Company.PROGRAM, Company.NOBODY) for processes in (1, 2)]
_PAIR = (Circumstance(1, Company.RUN), Circumstance(2, Company.RUN))
_ROUND = [*(_PAIR for _ in range(8)), *_ALONE]
_PAGE = """# False alarms

{runs} runs of everything but `release` on the good image, one after the other or two at a time, each in a random order
of its own, on a machine of {cores} cores. Any red would be a false alarm. Two runs at a time keep all cores busy for
each other, and neither may take the other's containers for its own. Made by
`python -m benchmarks false_alarms --out FILE`.

Seconds:

{table}"""


def main(arguments: Sequence[str]) -> None:
    """Make the runs and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks false_alarms")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="how many at least")
    parser.add_argument("--image", metavar="REF", help="look at this one instead of the design's")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    runs: dict[Circumstance, list[Run]] = defaultdict(list)
    seeds = itertools.count(1)
    for together in itertools.cycle(_ROUND):
        for circumstance, run in zip(together, _side_by_side(together, seeds, options.image), strict=True):
            runs[circumstance].append(run)
            told = "RED" if run.red else run.verdict
            made = sum(map(len, runs.values()))
            print(
                f"{made:4} of {options.runs}: {circumstance}: {told}, {run.seconds:.1f} s", file=sys.stderr, flush=True
            )
        if made >= options.runs:
            break
    table = render(runs)
    print(table, end="")
    if options.out is not None:
        options.out.write_text(_PAGE.format(runs=made, cores=os.cpu_count(), table=table))
    if any(run.red for found in runs.values() for run in found):
        raise SystemExit("false_alarms: there were false alarms")


def render(runs: Mapping[Circumstance, Sequence[Run]]) -> str:
    """The table of the durations, in seconds, as Markdown."""
    columns = ("circumstance", "runs", "false alarms", "unproven", "fastest", "median", "95th percentile", "slowest")
    rows = [f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
    for circumstance, found in runs.items():
        seconds = [run.seconds for run in found]
        late = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        figures = " | ".join(f"{value:.1f}" for value in (min(seconds), median(seconds), late, max(seconds)))
        red, unproven = sum(run.red for run in found), sum(run.verdict is Status.UNPROVEN for run in found)
        rows.append(f"| {circumstance} | {len(found)} | {red} | {unproven} | {figures} |")
    return "\n".join(rows) + "\n"


def _side_by_side(together: Sequence[Circumstance], seeds: Iterator[int], image: str | None) -> list[Run]:
    """Make runs at the same time."""
    busy = any(circumstance.company is Company.PROGRAM for circumstance in together)
    with _busy() if busy else contextlib.nullcontext(), ThreadPoolExecutor(len(together)) as pool:
        started = [pool.submit(_run, circumstance, next(seeds), image) for circumstance in together]
        return [run.result() for run in started]


def _run(circumstance: Circumstance, seed: int, image: str | None) -> Run:
    command = [sys.executable, "-m", "pytest", "image_tests", "--build", "never", "-q", "-p", "no:cacheprovider"]
    command += ["--random-order-bucket=global", f"--random-order-seed={seed}"]
    command += ["--image", image] if image is not None else []
    command += ["-n", str(circumstance.processes)] if circumstance.processes > 1 else []
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    require_begun(done)
    run = Run(time.perf_counter() - begin, verdict_of(done))
    if run.verdict is not Status.MET:
        print(f"seed {seed}:\n{done.stdout[-6000:]}{done.stderr[-1000:]}", file=sys.stderr, flush=True)
    return run


def verdict_of(done: subprocess.CompletedProcess[str]) -> Status | None:
    """The verdict that a run printed; None if it did not come to one, or its exit code is of another."""
    words = {word.upper(): status for status, word in STATUS_WORDS.items()}
    found = re.search(rf"^({'|'.join(words)}): ", done.stdout, re.MULTILINE)
    verdict = words[found[1]] if found is not None else None
    return verdict if (verdict is Status.MET) == (done.returncode == 0) else None


def require_begun(done: subprocess.CompletedProcess[str]) -> None:
    """Make sure that a run got as far as its checks: one that did not says nothing of them.

    Raises:
        SystemExit: It did not.
    """
    if done.returncode == pytest.ExitCode.USAGE_ERROR:
        said = f"{done.stdout}{done.stderr}".strip()[-1000:]
        raise SystemExit(f"false_alarms: a run did not begin; `pip install '.[bench]'` brings what it needs:\n{said}")


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
