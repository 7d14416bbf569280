"""One worker decides all that needs a container, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]

from image_harness.engine.ownership import start_ticks
from image_harness.plugin.workers import Companions, scheduling, write_companions

_WORKER = """
import time
from image_harness.plugin.workers import end_with_parent
end_with_parent()
print(flush=True)
time.sleep(60)
"""
_PARENT = f"""
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", {_WORKER!r}], stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        started = start_ticks(worker)
        assert started is not None
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while start_ticks(worker) == started:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def companions() -> Iterator[Companions]:
    with closing(Companions()) as made:
        yield made


def test_what_a_worker_writes_the_sharing_process_reads(companions: Companions) -> None:
    assert companions.read() == frozenset()
    for _ in range(2):  # every worker writes the same
        code = "import sys\nfrom image_harness.plugin.workers import write_companions\n"
        code += "write_companions(sys.argv[1], ['a::b', 'c::d[e@f]'])"
        subprocess.run([sys.executable, "-c", code, companions.path], check=True)
        assert companions.read() == {"a::b", "c::d[e@f]"}


def test_a_worker_on_another_machine_has_nowhere_to_write() -> None:
    write_companions("/proc/0/fd/3", ["a::b"])


class Node:
    """A worker that only notes what it is given."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="gw")
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_one_worker_is_given_all_that_needs_a_container(companions: Companions) -> None:
    needy = [f"t::container{number}" for number in range(5)]
    tests = [*needy, *(f"t::{number}" for number in range(6))]
    write_companions(companions.path, needy)
    config = SimpleNamespace(
        getvalue=lambda name: {"tx": ["2*popen"]}[name], option=SimpleNamespace(loadscopereorder=True)
    )
    scheduler = scheduling(cast("pytest.Config", config), Producer("test", enabled=False), companions)
    nodes: list[Any] = [Node(), Node()]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()
    assert nodes[0].given == list(range(5))
    assert nodes[1].given
    assert not set(nodes[1].given) & set(range(5))
