"""Runs cells: builds what is missing, checks it, keeps the report."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

from image_harness.engine.client import resolve_url
from image_harness.errors import HarnessError
from image_harness.history import codes
from image_harness.history.model import Run
from image_harness.history.store import Store
from image_harness.nightly.matrix import Cell, Matrix
from image_harness.report.json import read_report
from image_harness.types import Status

_DECIDED: Final = (0, 1)
"""pytest's exit codes of a run that came to its end."""
_MOMENT: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended.

    Attributes:
        cell: Which.
        run: What the history keeps of it.
        took: How long it was in hand.
        folder: Where its reports and its log are.
    """

    cell: Cell
    run: Run
    took: timedelta
    folder: Path


@dataclass
class Runner:
    """Runs cells, one after the other on each engine, the engines side by side.

    Attributes:
        root: The repository's root.
        matrix: What cells mean.
        folder: Where reports and logs go, a folder for each cell.
        night: Which night it is.
        say: Told what begins and what ended.
        environment: Variables on top of the process's own.
        build_engine: The engine that builds, as DOCKER_HOST takes it.
        checks: What pytest is told to run.
    """

    root: Path
    matrix: Matrix
    folder: Path
    night: date
    say: Callable[[str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    build_engine: str = "docker"
    checks: Sequence[str] = ("image_tests",)
    _built: dict[tuple[str, str], str] = field(default_factory=dict)
    _building: threading.Lock = field(default_factory=threading.Lock)

    def run(self, cells: Iterable[Cell], engines: Mapping[str, Sequence[str]], store: Store) -> list[Outcome]:
        """Run cells, and append each to the history as soon as it has ended.

        Args:
            cells: Which.
            engines: The URLs of the engines of each kind; cells are dealt out to them as they become free.
            store: Where the history is.
        """
        waiting: dict[str, queue.SimpleQueue[Cell]] = {kind: queue.SimpleQueue() for kind in engines}
        for cell in cells:
            waiting[cell.engine].put(cell)
        keeping, stopping = threading.Lock(), threading.Event()
        outcomes: list[Outcome] = []

        def work(kind: str, url: str) -> None:
            while not stopping.is_set():
                try:
                    cell = waiting[kind].get_nowait()
                except queue.Empty:
                    return
                outcome = self._run(cell, url)
                # Ctrl-C ends what a cell runs and the night as well, a moment later perhaps.
                if outcome.run.absence and stopping.wait(_MOMENT.total_seconds()):
                    return
                with keeping:
                    store.add([outcome.run])
                    outcomes.append(outcome)

        places = [(kind, url) for kind, urls in engines.items() for url in urls]
        with ThreadPoolExecutor(max_workers=max(len(places), 1)) as pool:
            working = [pool.submit(work, kind, url) for kind, url in places]
            try:
                for done in working:
                    done.result()
            except BaseException:
                stopping.set()
                raise
        return outcomes

    def _run(self, cell: Cell, url: str) -> Outcome:
        started, clock = datetime.now(UTC), time.monotonic()
        folder = self.folder / cell.name
        folder.mkdir(parents=True, exist_ok=True)
        report = folder / "report.json"
        report.unlink(missing_ok=True)
        self.say(f"{cell.name}: on {url}")
        with (folder / "log.txt").open("wb") as log:
            problem = self._build(cell, log) or self._bring(cell, url, log) or self._check(cell, url, folder, log)
        try:
            if problem:
                raise HarnessError(problem)
            run = Run.of(*read_report(report), cell=cell.name, night=self.night)
        except HarnessError as error:
            run = Run.absent(cell.name, self.night, reason=str(error), now=started)
        outcome = Outcome(cell, run, timedelta(seconds=time.monotonic() - clock), folder)
        self.say(_told(outcome))
        return outcome

    def _build(self, cell: Cell, log: BinaryIO) -> str:
        """Build the cell's image unless it was built for another one; return what went wrong."""
        image, key = self.matrix.image_of(cell), (cell.service, cell.bases)
        with self._building:
            if key not in self._built:
                service = self.matrix.services[cell.service]
                reference = self.matrix.reference_of(cell)
                self.say(f"{cell.name}: building {reference}")
                command = [
                    *(sys.executable, *service.build, "--tag", reference),
                    *("--record", str(self.folder / f"{cell.service}.{cell.bases}.json"), "--progress", "plain"),
                    *self.matrix.bases[cell.bases].options,
                    *image.options,
                ]
                code = self._call(command, log, DOCKER_HOST=resolve_url(self.build_engine))
                self._built[key] = f"the image was not built (exit code {code})" if code else ""
            return self._built[key]

    def _bring(self, cell: Cell, url: str, log: BinaryIO) -> str:
        """Take the image to an engine that did not build it; return what went wrong."""
        source, target = resolve_url(self.build_engine), resolve_url(url)
        if source == target:
            return ""
        reference = self.matrix.reference_of(cell)
        with tempfile.TemporaryDirectory(prefix="nightly-") as folder:
            archive = str(Path(folder) / "image.tar")
            for host, command in (
                (source, ["save", "--output", archive, reference]),
                (target, ["load", "--input", archive]),
            ):
                code = self._call(["docker", "--host", host, *command], log)
                if code:
                    return f"the image was not brought to {url} (docker {command[0]}: exit code {code})"
        return ""

    def _check(self, cell: Cell, url: str, folder: Path, log: BinaryIO) -> str:
        image, reference = self.matrix.image_of(cell), self.matrix.reference_of(cell)
        command = [
            *(sys.executable, "-m", "pytest", *self.checks, "-q", "--image", reference, "--engine", url),
            *("--design", str(image.design), "--dockerfile", str(image.dockerfile), "--report", str(folder)),
        ]
        code = self._call(command, log)
        return "" if code in _DECIDED else f"the checks did not come to an end (exit code {code})"

    def _call(self, command: Sequence[str], log: BinaryIO, **variables: str) -> int:
        environment = {**os.environ, **self.environment, **variables, "NO_COLOR": "1"}
        try:
            return subprocess.run(
                command,
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        except FileNotFoundError:
            return 127


def _told(outcome: Outcome) -> str:
    run = outcome.run
    if run.absence:
        what = f"{run.absence}; see {outcome.folder / 'log.txt'}"
    else:
        met = run.statuses.count(codes.MET)
        selected = len(run.statuses) - run.statuses.count(codes.NOT_SELECTED)
        retried = f", retried {run.retries}" if run.retries else ""
        what = f"{met} of {selected} met{retried}; {outcome.folder / 'report.html'}"
    return f"{outcome.cell.name}: {run.verdict.upper()} in {outcome.took.total_seconds():.0f} s: {what}"


def collect(cells: Iterable[Cell], folder: Path, night: date) -> list[Run]:
    """Return the runs of cells that ran elsewhere; one that left no report to be read is unproven, not forgotten.

    Args:
        cells: Which were due.
        folder: Where a folder of each cell's name may hold its report.json.
        night: Which night it was.
    """
    runs = []
    for cell in cells:
        report = folder / cell.name / "report.json"
        try:
            if not report.is_file():
                raise HarnessError("its job left no report")
            runs.append(Run.of(*read_report(report), cell=cell.name, night=night))
        except HarnessError as error:
            runs.append(Run.absent(cell.name, night, reason=str(error), now=datetime.now(UTC)))
    return runs


def all_met(runs: Sequence[Run]) -> bool:
    """Whether something was run, and all of it is met."""
    return bool(runs) and all(run.verdict is Status.MET for run in runs)
