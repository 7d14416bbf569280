"""What psutil tells of the host and its processes at one moment. Blocking: for the sampling thread alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import psutil

_LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Network counters since the network came up, loopback left out."""

    bytes_in: int
    bytes_out: int
    packets_in: int
    packets_out: int

    @property
    def total(self) -> int:
        """Bytes in and out."""
        return self.bytes_in + self.bytes_out

    @classmethod
    def read(cls) -> Traffic:
        """Read the counters of this network namespace."""
        cards = psutil.net_io_counters(pernic=True, nowrap=False)
        real = [counters for name, counters in cards.items() if name != _LOOPBACK]
        return cls(
            bytes_in=sum(card.bytes_recv for card in real),
            bytes_out=sum(card.bytes_sent for card in real),
            packets_in=sum(card.packets_recv for card in real),
            packets_out=sum(card.packets_sent for card in real),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of something is used."""

    used: int
    total: int
    percent: float


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """One process: processor seconds that it used so far, resident bytes, the wall time of its start."""

    cpu_seconds: float
    memory: int
    started: float


class ProcessTable:
    """All processes at one moment, with who is whose child: read once for all sessions of a pass."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._children: dict[int, list[psutil.Process]] = {}
        for pid in psutil.pids():
            try:
                process = psutil.Process(pid)
                parent = process.ppid()
            except psutil.Error:
                continue
            self._processes[pid] = process
            self._children.setdefault(parent, []).append(process)

    def find(self, pids: Iterable[int]) -> set[psutil.Process]:
        """Give the processes that have these ids now."""
        return {self._processes[pid] for pid in pids if pid in self._processes}

    def trees(self, roots: Iterable[psutil.Process]) -> set[psutil.Process]:
        """Give the roots that are still alive, and all that descend from them.

        Processes compare by id and creation time, so an id that was given to another process since is left out.
        """
        waiting = [root for root in roots if self._processes.get(root.pid) == root]
        found: set[psutil.Process] = set()
        while waiting:
            process = waiting.pop()
            if process not in found:
                found.add(process)
                waiting.extend(self._children.get(process.pid, ()))
        return found


def read_processes(processes: Iterable[psutil.Process]) -> Iterator[tuple[psutil.Process, ProcessReading]]:
    """Read those of the processes that are alive; what ended meanwhile, or may not be read, is left out."""
    for process in processes:
        try:
            with process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                times = process.cpu_times()
                reading = ProcessReading(times.user + times.system, process.memory_info().rss, process.create_time())
        except psutil.Error:
            continue
        yield process, reading


class Moment:
    """The facts that all samples of one pass share, each read at most once and only when asked for.

    Attributes:
        clock: A monotonic clock, in seconds: what rates are computed with.
        timestamp: Wall time, in UTC, to the millisecond: a store that keeps no more of it gives back the same moment.
    """

    def __init__(self, disk_path: Path) -> None:
        self._disk_path = disk_path
        self.clock = time.monotonic()
        now = datetime.now(UTC)
        self.timestamp = now.replace(microsecond=now.microsecond // 1000 * 1000)

    @cached_property
    def processor_seconds(self) -> tuple[float, float]:
        """Seconds that all processors together were busy, and that passed for them, since boot."""
        times = psutil.cpu_times()
        # Guest time is part of user time already.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return total - times.idle - getattr(times, "iowait", 0.0), total

    @cached_property
    def memory(self) -> Usage:
        """The machine's memory."""
        memory = psutil.virtual_memory()
        return Usage(memory.total - memory.available, memory.total, memory.percent)

    @cached_property
    def disk(self) -> Usage:
        """The measured file system."""
        disk = psutil.disk_usage(str(self._disk_path))
        return Usage(disk.used, disk.total, disk.percent)

    @cached_property
    def traffic(self) -> Traffic:
        """The network counters."""
        return Traffic.read()

    @cached_property
    def processes(self) -> ProcessTable:
        """All processes."""
        return ProcessTable()

    @cached_property
    def process_count(self) -> int:
        """How many processes there are."""
        return len(psutil.pids())

    @cached_property
    def connections(self) -> Counter[int | None]:
        """Established TCP connections by process id; none where the owner may not be seen."""
        try:
            connections = psutil.net_connections(kind="tcp")
        except psutil.Error:
            return Counter()
        return Counter(c.pid for c in connections if c.status == psutil.CONN_ESTABLISHED)
