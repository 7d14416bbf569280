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

_LOOK = 0.2
# A run that was told to end removes its containers first.
_PATIENCE = 15.0
_LAST_LINES = 15
# See nice(1): takes the time that nobody else wants.
_LOWEST_PRIORITY = 19


class EndedWithOthersError(HarnessError):
    """A run was ended because another one, or whoever waits for all of them, has failed."""


class _Fate:
    """What runs share that are ended together, whichever thread waits for them."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self._blocks = 0
        self._counting = threading.Lock()

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """End all when the block is left by an exception; blocks within blocks, of any thread, are one."""
        with self._counting:
            if not self._blocks:
                self.ending.clear()
            self._blocks += 1
        try:
            yield
        except BaseException:
            self.ending.set()
            raise
        finally:
            with self._counting:
                self._blocks -= 1


_FATE = _Fate()


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
def started(arguments: Sequence[str], *, root: Path, log: Path, humbly: bool = False) -> Iterator[Pytest]:
    """Start a run of pytest; it is over when the block is.

    Args:
        arguments: pytest's.
        root: Where it runs.
        log: Where its output goes.
        humbly: Whether everything else comes first that wants a processor.
    """
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=no", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "PYTEST_ADDOPTS": ""}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    if humbly:
        # It may have ended at once.
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST_PRIORITY)
    try:
        yield Pytest(process, log)
    finally:
        _end(process)


def ended_together() -> contextlib.AbstractContextManager[None]:
    """End every run that any thread waits for when the block is left by an exception, such as Ctrl-C's.

    Blocks within blocks, of whichever thread, are one: what ends one of them ends the runs of all.
    """
    return _FATE.shared()


def wait(runs: Sequence[Pytest], look: Callable[[], object] = lambda: None) -> None:
    """Wait until all runs have ended.

    Args:
        runs: The runs.
        look: Called again and again meanwhile.

    Raises:
        EndedWithOthersError: All runs are being ended.
    """
    while any(run.process.poll() is None for run in runs):
        if _FATE.ending.is_set():
            raise EndedWithOthersError("interrupted", where="mutants")
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
