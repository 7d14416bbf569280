"""Seconds and memory of a command and everything that it starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_EVERY = 0.05
_MIB = 1 << 20


@dataclass(slots=True)
class Peak:
    """The most memory that a tool's processes had resident together, by looking twenty times a second.

    Memory that processes share counts for each of them.

    Attributes:
        mib: So far.
        marker: A word in the command lines of processes that count though they are no descendants: an engine starts
            what runs in a container.
    """

    marker: str = ""
    mib: float = 0.0
    _root: psutil.Process = field(default_factory=psutil.Process)

    def look(self) -> None:
        """Look once."""
        found = {process.pid: process for process in (self._root, *self._root.children(recursive=True))}
        if self.marker:
            found |= {process.pid: process for process in psutil.process_iter() if self._is_marked(process)}
        self.mib = max(self.mib, sum(map(_resident, found.values())) / _MIB)

    def _is_marked(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return self.marker in process.cmdline()
        return False


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended.

    Attributes:
        exit_code: What it ended with.
        stdout: What it wrote there.
        stderr: The same for standard error.
        peak_mib: Its peak memory.
    """

    exit_code: int
    stdout: str
    stderr: str
    peak_mib: float


def run(command: Sequence[str], *, folder: Path, marker: str = "", environment: dict[str, str] | None = None) -> Done:
    """Run a command to its end.

    Args:
        command: Its argv.
        folder: Where it runs.
        marker: See `Peak`.
        environment: Variables beside this process's.
    """
    variables, pipe = {**os.environ, **(environment or {})}, subprocess.PIPE
    with (
        subprocess.Popen(command, cwd=folder, env=variables, stdout=pipe, stderr=pipe, text=True) as process,
        _watched(process.pid, marker) as peak,
    ):
        try:
            stdout, stderr = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)  # as Ctrl-C would: whoever has containers takes them away
            raise
    return Done(process.returncode, stdout, stderr, peak.mib)


@contextlib.contextmanager
def _watched(pid: int, marker: str) -> Iterator[Peak]:
    peak, ended = Peak(marker, _root=psutil.Process(pid)), threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            with contextlib.suppress(psutil.Error):
                peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


class Stopwatch:
    """Tells the seconds since it was made."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The seconds."""
        return time.perf_counter() - self._begin
