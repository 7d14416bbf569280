"""Samples are what happened between two moments."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from resource_monitor import sampling
from resource_monitor.models import Measurement, Sample
from resource_monitor.readings import Moment, Traffic, Usage
from resource_monitor.sampling import Host, ProcessTrees, Subject, measure, subject_of
from tests.monitor_service.support import eventually

_BUSY = "while True: pass"
_ROOT = Path("/")


class StillMoment(Moment):
    """A moment whose facts are given."""

    def __init__(self, clock: float, *, processor: tuple[float, float] = (0, 0), traffic: int = 0) -> None:
        super().__init__(_ROOT)
        self.clock = clock
        self.processor_seconds = processor
        self.memory = Usage(25, 100, 25)
        self.disk = Usage(1, 10, 10)
        self.traffic = Traffic(bytes_in=traffic, bytes_out=0, packets_in=3, packets_out=4)
        self.process_count = 5
        self.connections = Counter({1: 2, None: 1})


@contextmanager
def _child(script: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", script]) as child:
        try:
            yield child
        finally:
            for process in psutil.Process(child.pid).children(recursive=True):
                process.kill()
            child.kill()


def _measure(subject: Subject) -> Measurement:
    return measure([subject], _ROOT)[0]


def test_the_fields_of_a_sample_are_the_family_s() -> None:
    assert [field.name for field in fields(Sample)] == [
        "session_id",
        "timestamp",
        "cpu_percent",
        "memory_bytes",
        "memory_percent",
        "disk_bytes",
        "disk_percent",
        "network_bytes_in",
        "network_bytes_out",
        "network_packets_in",
        "network_packets_out",
        "active_connections",
        "process_count",
    ]


def test_the_host_s_processor_share_is_of_the_time_between() -> None:
    host = Host()
    assert host.measure(StillMoment(0, processor=(100, 1000))).sample.cpu_percent == 0
    assert host.measure(StillMoment(1, processor=(101, 1004))).sample.cpu_percent == 25


def test_counters_that_went_back_give_no_share_below_zero_and_none_above_a_hundred() -> None:
    host = Host()
    host.measure(StillMoment(0, processor=(100, 1000)))
    assert host.measure(StillMoment(1, processor=(99, 1001))).sample.cpu_percent == 0
    assert host.measure(StillMoment(2, processor=(199, 1002))).sample.cpu_percent == 100


def test_the_host_s_facts_are_in_its_sample() -> None:
    sample = Host().measure(StillMoment(0, traffic=7)).sample
    assert (sample.session_id, sample.memory_bytes, sample.memory_percent) == (None, 25, 25)
    assert (sample.disk_bytes, sample.disk_percent) == (1, 10)
    assert (sample.network_bytes_in, sample.network_packets_in, sample.network_packets_out) == (7, 3, 4)
    assert (sample.active_connections, sample.process_count) == (3, 5)


def test_traffic_is_told_as_bytes_per_second() -> None:
    host = Host()
    assert host.measure(StillMoment(10, traffic=10**12)).network_rate == 0
    assert host.measure(StillMoment(12, traffic=10**12 + 600)).network_rate == 300


def test_a_card_that_went_away_is_no_traffic() -> None:
    host = Host()
    host.measure(StillMoment(10, traffic=1000))
    assert host.measure(StillMoment(11, traffic=0)).network_rate == 0


def test_a_session_without_processes_is_the_host_under_its_own_id() -> None:
    session_id = uuid4()
    sample = subject_of(session_id, []).measure(StillMoment(0)).sample
    assert sample.session_id == session_id
    assert sample.memory_bytes == 25


def test_a_busy_process_has_its_share_of_all_processors() -> None:
    with _child(_BUSY) as child:
        trees = ProcessTrees(uuid4(), [child.pid])
        used = psutil.Process(child.pid).cpu_times
        eventually(lambda: used().user > 0.2)
        begin, before = time.monotonic(), used().user
        assert _measure(trees).sample.cpu_percent == 0
        eventually(lambda: used().user - before > 0.3)
        share = (used().user - before) / (time.monotonic() - begin) / (psutil.cpu_count() or 1)
        assert _measure(trees).sample.cpu_percent == pytest.approx(100 * share, rel=0.5)


def test_memory_is_that_of_the_processes_not_of_the_host() -> None:
    with _child("block = bytearray(50_000_000); import time; time.sleep(60)") as child:
        process = psutil.Process(child.pid)
        eventually(lambda: process.memory_info().rss > 50_000_000)
        sample = _measure(ProcessTrees(uuid4(), [child.pid])).sample
        assert 50_000_000 < sample.memory_bytes < 100_000_000
        assert sample.process_count == 1


def test_a_process_born_between_counts_with_all_it_used() -> None:
    script = f"import subprocess, sys; input(); subprocess.run([sys.executable, '-c', {_BUSY!r}])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as parent:
        try:
            trees = ProcessTrees(uuid4(), [parent.pid])
            assert _measure(trees).sample.process_count == 1
            assert parent.stdin is not None
            parent.stdin.write(b"\n")
            parent.stdin.flush()
            grown = psutil.Process(parent.pid).children
            eventually(lambda: grown() and grown()[0].cpu_times().user > 0.2)
            sample = _measure(trees).sample
            assert sample.process_count == 2
            assert sample.cpu_percent > 0
        finally:
            for process in psutil.Process(parent.pid).children():
                process.kill()
            parent.kill()


def test_a_child_stays_part_of_the_session_when_its_parent_ends() -> None:
    script = (
        "import subprocess, sys\n"
        "orphan = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "print(subprocess.Popen(orphan, stdout=subprocess.DEVNULL).pid, flush=True)\n"
        "input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        orphan = psutil.Process(int(parent.stdout.readline()))
        try:
            trees = ProcessTrees(uuid4(), [parent.pid])
            assert _measure(trees).sample.process_count == 2
            parent.communicate(b"\n")
            assert _measure(trees).sample.process_count == 1
        finally:
            orphan.kill()
    eventually(lambda: _measure(trees).sample.process_count == 0)


def test_a_session_whose_processes_all_ended_is_measured_as_nothing() -> None:
    with _child("import time; time.sleep(60)") as child:
        trees = ProcessTrees(uuid4(), [child.pid])
        assert _measure(trees).sample.process_count == 1
    sample = _measure(trees).sample
    assert (sample.process_count, sample.memory_bytes, sample.cpu_percent) == (0, 0, 0)


def test_an_id_that_nobody_had_at_the_start_is_never_taken_for_the_session_s() -> None:
    trees = ProcessTrees(uuid4(), [os.getpid()])
    trees._known, trees._clock = set(), 0.0
    assert _measure(trees).sample.process_count == 0


def test_one_pass_reads_the_processes_once_for_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0
    real = psutil.pids

    def counted() -> list[int]:
        nonlocal reads
        reads += 1
        return real()

    monkeypatch.setattr(psutil, "pids", counted)
    measure([ProcessTrees(uuid4(), [os.getpid()]) for _ in range(20)], _ROOT)
    assert reads == 1


def test_a_share_of_nothing_is_nothing() -> None:
    assert sampling._percent(1, 0) == 0
