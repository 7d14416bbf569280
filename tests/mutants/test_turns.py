"""Who may start: so many at once, and others while the processors have time to spare."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from image_harness.errors import HarnessError
from image_harness.mutants import turns
from image_harness.mutants.processes import Pytest, wait
from image_harness.mutants.turns import Spare, in_turn

SOON = 60
IDLE, BUSY = 10.0, 90.0


class Going:
    """A run that goes on for ever."""

    def __init__(self) -> None:
        self.process = SimpleNamespace(poll=lambda: None)


def spare(*busy: float) -> Spare:
    """What is seen look by look; the last of it for ever."""
    seen: Iterator[float] = iter(busy)
    return Spare(lambda: next(seen, busy[-1]))


@pytest.fixture(autouse=True)
def looks_come_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_LOOK", 0.01)


def most_side_by_side(count: int, *, at_once: int, seen: Spare | None) -> int:
    """How many jobs went on at the same time at most, each as long as more could come."""
    lock, running, highest = threading.Lock(), 0, 0

    def job() -> None:
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        threading.Event().wait(0.3)
        with lock:
            running -= 1

    in_turn([job] * count, at_once=at_once, spare=seen, beside=lambda: None)
    return highest


def test_so_many_go_on_at_once_on_a_busy_machine() -> None:
    assert most_side_by_side(6, at_once=2, seen=spare(BUSY)) == 2


def test_three_times_as_many_go_on_while_there_is_time_to_spare() -> None:
    assert most_side_by_side(8, at_once=1, seen=spare(IDLE)) == 3


def test_so_many_go_on_at_once_where_nobody_can_tell() -> None:
    assert most_side_by_side(4, at_once=1, seen=None) == 1


def test_what_a_job_returns_is_in_the_order_of_the_jobs() -> None:
    second_is_done = threading.Event()

    def first() -> int:
        assert second_is_done.wait(SOON)
        return 1

    def second() -> int:
        second_is_done.set()
        return 2

    assert in_turn([first, second], at_once=2, spare=None, beside=lambda: "x") == ([1, 2], "x")


def test_a_short_pause_is_no_time_to_spare() -> None:
    seen = spare(IDLE, IDLE, IDLE, IDLE, BUSY, IDLE, IDLE, IDLE, IDLE, IDLE)
    assert [seen.look() for _ in range(10)] == [False] * 9 + [True]


def test_what_was_spent_must_come_again() -> None:
    seen = spare(IDLE)
    assert [seen.look() for _ in range(5)][-1]
    seen.spend()
    assert [seen.look() for _ in range(5)] == [False] * 4 + [True]


def test_what_goes_on_beside_waits_for_nobody_and_takes_nobodys_turn() -> None:
    beside_is_done = threading.Event()

    def job() -> bool:
        return beside_is_done.wait(SOON)

    assert in_turn([job], at_once=1, spare=None, beside=beside_is_done.set)[0] == [True]
    beside_goes_on = threading.Event()
    assert in_turn([beside_goes_on.set], at_once=1, spare=None, beside=lambda: beside_goes_on.wait(SOON))[1]


@pytest.mark.parametrize("who_fails", ["a job", "beside"])
def test_who_fails_ends_all(who_fails: str) -> None:
    started: list[str] = []

    def fails() -> None:
        raise HarnessError("no report")

    def goes_on() -> None:
        wait([cast("Pytest", Going())])

    first, beside = (fails, goes_on) if who_fails == "a job" else (goes_on, fails)
    with pytest.raises(HarnessError, match="no report"):
        in_turn([first, lambda: started.append("second")], at_once=1, spare=None, beside=beside)
    assert not started


def test_processors_are_not_busy_with_what_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    times = SimpleNamespace(user=10.0, nice=60.0, system=5.0, idle=20.0, iowait=5.0)
    monkeypatch.setattr("psutil.cpu_times_percent", lambda: times)
    assert turns.busy() == 15
