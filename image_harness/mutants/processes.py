"""Runs of pytest that belong to a run of mutants: started, watched, and ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_harness.errors import HarnessError
from image_harness.mutants import dependent

_LOOK = 0.2
# A run that was told to end removes its containers first.
_PATIENCE = 15.0
_ENDING = threading.Event()
_LAST_LINES = 15
# Who does not give way gets some nine times as much: with less, a busy machine would keep these runs waiting for ever.
_NICE = 10


@dataclass(frozen=True, slots=True)
class Pytest:
    """A run of pytest.

    Attributes:
        process: The process.
        log: Where its output goes.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the last lines that it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:])


@contextlib.contextmanager
def started(
    arguments: Sequence[str], *, root: Path, log: Path, bytecode: Path, gives_way: bool = False
) -> Iterator[Pytest]:
    """Start a run of pytest; it is over when the block is, or this process.

    Args:
        arguments: Pytest's.
        root: Where it runs.
        log: Where its output goes.
        bytecode: Where it keeps the checks as pytest compiles them: to do that takes each run as long as the checks.
        gives_way: Whether it mostly takes what others leave of the processors.
    """
    plugins = ["-p", dependent.__name__, "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, "--tb=no", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "PYTEST_ADDOPTS": "", "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        if gives_way:
            _give_way(process.pid)
        yield Pytest(process, log)
    finally:
        _end(process)


@contextlib.contextmanager
def ended_together() -> Iterator[None]:
    """End every run that any thread waits for when the block is left by an exception, such as Ctrl-C's."""
    _ENDING.clear()
    try:
        yield
    except BaseException:
        _ENDING.set()
        raise


def _give_way(pid: int) -> None:
    # Who was started with less still keeps that: to get more takes a privilege.
    os.setpriority(os.PRIO_PROCESS, pid, max(_NICE, os.getpriority(os.PRIO_PROCESS, pid)))
    # Where the kernel shares processors out among sessions first, that counts within one only (sched(7), autogroup).
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICE))


def wait(runs: Sequence[Pytest], look: Callable[[], object] = lambda: None) -> None:
    """Wait until all runs have ended.

    Args:
        runs: The runs.
        look: Called again and again meanwhile.

    Raises:
        HarnessError: All runs are being ended.
    """
    while any(run.process.poll() is None for run in runs):
        if _ENDING.is_set():
            raise HarnessError("interrupted", where="mutants")
        look()
        time.sleep(_LOOK)
    look()


def failed(run: Pytest, what: str) -> HarnessError:
    """Return the error to raise for a run that did not get as far as a result."""
    print(run.tail(), file=sys.stderr)
    return HarnessError(f"ended with exit code {run.process.returncode}", where=what, fix="see the lines above")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a run as Ctrl-C does, so that it gives back what it has in the engine."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
