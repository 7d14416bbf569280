"""What is read of the host is what the kernel says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from resource_monitor.readings import Moment, ProcessTable, Traffic, read_processes
from tests.monitor_service.support import eventually


def test_loopback_is_no_network_traffic() -> None:
    cards = psutil.net_io_counters(pernic=True)
    everything = sum(card.bytes_recv for card in cards.values())
    loopback = cards["lo"].bytes_recv
    assert abs(Traffic.read().bytes_in - (everything - loopback)) < max(everything, 1_000_000) * 0.05


def test_a_tree_holds_children_and_their_children() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        try:

            def tree() -> set[int]:
                table = ProcessTable()
                found = {process.pid for process in table.trees(table.find([parent.pid]))}
                return found if len(found) == 2 else set()

            pids = eventually(tree)
            assert parent.pid in pids
        finally:
            for process in psutil.Process(parent.pid).children(recursive=True):
                process.kill()
            parent.kill()


def test_a_process_is_in_overlapping_trees_once() -> None:
    table = ProcessTable()
    own = table.find([os.getpid(), os.getppid()])
    assert len(own) == 2
    processes = [process.pid for process in table.trees([*own, *own])]
    assert len(processes) == len(set(processes))


def test_ids_of_nobody_are_passed_over() -> None:
    assert ProcessTable().find([2**22]) == set()


def test_a_process_that_ended_has_no_tree_and_no_reading() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
        child.communicate(b"\n")
    assert ProcessTable().trees([process]) == set()
    assert list(read_processes([process])) == []


def test_a_zombie_is_no_living_process() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    try:
        process = psutil.Process(child.pid)
        eventually(lambda: process.status() == psutil.STATUS_ZOMBIE)
        assert list(read_processes([process])) == []
    finally:
        child.wait()


def test_a_reused_id_is_another_process() -> None:
    impostor = psutil.Process()
    impostor._ident = (impostor.pid, -1.0)  # type: ignore[attr-defined]
    assert ProcessTable().trees([impostor]) == set()


def test_established_connections_are_counted_by_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = Moment(Path("/")).connections[os.getpid()]
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert Moment(Path("/")).connections[os.getpid()] == before + 2


def test_shares_of_the_machine_are_the_kernel_s() -> None:
    moment = Moment(Path("/"))
    busy, total = moment.processor_seconds
    assert 0 < busy < total
    assert moment.memory.total == psutil.virtual_memory().total
    assert 0 < moment.memory.used < moment.memory.total
    assert moment.disk.percent == psutil.disk_usage("/").percent
    assert moment.process_count > 1


def test_a_moment_is_one_that_databases_can_keep() -> None:
    moments = [Moment(Path("/")).timestamp for _ in range(5)]
    assert [moment.microsecond % 1000 for moment in moments] == [0] * 5
