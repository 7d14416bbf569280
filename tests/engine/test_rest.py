from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.engine.rest import Rest

PAUSE = timedelta(milliseconds=250)
BOX = "4f" * 32


def process(proc: Path, pid: int, *states: str, namespace: str = "pid:[7]") -> None:
    """A process with a thread for each of these states."""
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns/pid").symlink_to(namespace)
    (folder / "cgroup").write_text(f"0::/docker/{BOX}\n")
    for number, state in enumerate(states):
        thread = folder / "task" / str(pid + number)
        thread.mkdir(parents=True)
        (thread / "stat").write_text(f"{pid + number} (a) R (b) {state} 1 1 1 0 -1 4194304\n")


@pytest.mark.parametrize(("states", "rests"), [("SS", 2), ("SI", 2), ("SR", 0), ("DS", 0), ("T", 0), ("S", 2)])
def test_a_container_rests_while_every_thread_of_it_sleeps(tmp_path: Path, states: str, rests: int) -> None:
    process(tmp_path, 10, *states)
    rest = Rest(10, BOX, tmp_path)
    for _ in range(2):
        rest.add(PAUSE)
    assert rest.total == rests * PAUSE


@pytest.mark.parametrize(("namespace", "rests"), [("pid:[7]", 0), ("pid:[8]", 1)])
def test_what_an_engine_runs_beside_the_first_process_counts_and_other_containers_do_not(
    tmp_path: Path, namespace: str, rests: int
) -> None:
    process(tmp_path, 10, "S")
    process(tmp_path, 300, "R", namespace=namespace)
    rest = Rest(10, BOX, tmp_path)
    rest.add(PAUSE)
    assert rest.total == rests * PAUSE


def test_nothing_is_known_of_a_container_that_is_not_of_this_machine_or_has_ended(tmp_path: Path) -> None:
    process(tmp_path, 10, "S")
    for rest in (Rest(10, "5e" * 32, tmp_path), Rest(11, BOX, tmp_path), Rest(0, BOX, tmp_path)):
        rest.add(PAUSE)
        assert rest.total == timedelta()
