"""Turns readings into samples: the host, and the process trees of sessions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import psutil

from resource_monitor.models import Measurement, Sample
from resource_monitor.readings import Moment, ProcessReading, read_processes

_PROCESSORS = psutil.cpu_count() or 1


class Subject(Protocol):
    """Something that is measured again and again. Used by the sampling thread alone, as it remembers what it read."""

    def measure(self, moment: Moment) -> Measurement:
        """Measure it at a moment, compared with the moment before."""


@dataclass(frozen=True, slots=True)
class _Share:
    """One subject's part of the machine."""

    cpu_percent: float
    memory: int
    memory_percent: float
    connections: int
    processes: int


class _Rate:
    """Turns the network counters into bytes per second."""

    def __init__(self) -> None:
        self._before: tuple[float, int] | None = None

    def update(self, moment: Moment) -> float:
        before, self._before = self._before, (moment.clock, moment.traffic.total)
        if before is None or moment.clock <= before[0]:
            return 0.0
        # A card that went away takes its counters along.
        return max(0, moment.traffic.total - before[1]) / (moment.clock - before[0])


class Host:
    """The whole machine, also on behalf of a session that names no process."""

    def __init__(self, session_id: UUID | None = None) -> None:
        self._session_id = session_id
        self._before: tuple[float, float] | None = None
        self._rate = _Rate()

    def measure(self, moment: Moment) -> Measurement:
        """Measure the machine."""
        before, self._before = self._before, moment.processor_seconds
        busy, total = (now - then for now, then in zip(self._before, before or self._before, strict=True))
        share = _Share(
            cpu_percent=_percent(busy, total),
            memory=moment.memory.used,
            memory_percent=_percent(moment.memory.percent, 100),
            connections=moment.connections.total(),
            processes=moment.process_count,
        )
        return _measurement(self._session_id, moment, share, self._rate.update(moment))


class ProcessTrees:
    """The processes that a session named, and all that descend from them.

    The processes are told apart by id and creation time from the first measurement on. One that was seen in a tree
    stays part of the session when its parent ends, as the parts of a desktop session do.
    """

    def __init__(self, session_id: UUID, pids: Sequence[int]) -> None:
        self._session_id = session_id
        self._pids = frozenset(pids)
        self._clock: float | None = None
        self._taken = math.inf
        self._known: set[psutil.Process] = set()
        self._members: dict[psutil.Process, ProcessReading] = {}
        self._rate = _Rate()

    def measure(self, moment: Moment) -> Measurement:
        """Measure the trees."""
        first = self._clock is None
        self._known = moment.processes.trees(moment.processes.find(self._pids) if first else self._known)
        members = dict(read_processes(self._known))
        used = 0.0 if first else sum(self._used(process, now) for process, now in members.items())
        elapsed = 0.0 if self._clock is None else moment.clock - self._clock
        self._members, self._clock, self._taken = members, moment.clock, moment.timestamp.timestamp()
        memory = sum(reading.memory for reading in members.values())
        share = _Share(
            cpu_percent=_percent(used, elapsed * _PROCESSORS),
            memory=memory,
            memory_percent=_percent(memory, moment.memory.total),
            connections=sum(moment.connections[process.pid] for process in members),
            processes=len(members),
        )
        return _measurement(self._session_id, moment, share, self._rate.update(moment))

    def _used(self, process: psutil.Process, now: ProcessReading) -> float:
        """Processor seconds that a process used since the measurement before."""
        before = self._members.get(process)
        if before is not None:
            return max(0.0, now.cpu_seconds - before.cpu_seconds)
        # A process that is new to the tree used all of its time in this interval, unless it is older than that.
        return now.cpu_seconds if now.started >= self._taken else 0.0


def subject_of(session_id: UUID, pids: Sequence[int]) -> Subject:
    """Give what a session asks to be measured: its process trees, the host where it names none."""
    return ProcessTrees(session_id, pids) if pids else Host(session_id)


def measure(subjects: Sequence[Subject], disk_path: Path) -> list[Measurement]:
    """Measure several subjects in one pass, in their order. Blocking."""
    moment = Moment(disk_path)
    return [subject.measure(moment) for subject in subjects]


def _measurement(session_id: UUID | None, moment: Moment, share: _Share, network_rate: float) -> Measurement:
    sample = Sample(
        session_id=session_id,
        timestamp=moment.timestamp,
        cpu_percent=share.cpu_percent,
        memory_bytes=share.memory,
        memory_percent=share.memory_percent,
        disk_bytes=moment.disk.used,
        disk_percent=_percent(moment.disk.percent, 100),
        network_bytes_in=moment.traffic.bytes_in,
        network_bytes_out=moment.traffic.bytes_out,
        network_packets_in=moment.traffic.packets_in,
        network_packets_out=moment.traffic.packets_out,
        active_connections=share.connections,
        process_count=share.processes,
    )
    return Measurement(sample, network_rate)


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, max(0.0, 100.0 * part / whole)), 2) if whole > 0 else 0.0
