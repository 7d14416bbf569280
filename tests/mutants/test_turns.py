"""Who may start: so many at once, and others while the processors have time to spare."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from image_harness.mutants import turns
from image_harness.mutants.turns import Spare, in_turn

SOON = 60
IDLE, BUSY = 10.0, 90.0


def spare(*busy: float) -> Spare:
    """What is seen look by look; the last of it for ever."""
    seen: Iterator[float] = iter(busy)
    return Spare(lambda: next(seen, busy[-1]))


@pytest.fixture(autouse=True)
def looks_come_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_LOOK", 0.01)


def most_side_by_side(count: int, *, at_once: int, most: int, seen: Spare | None) -> int:
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

    in_turn([job] * count, at_once=at_once, most=most, spare=seen)
    return highest


def test_so_many_go_on_at_once_on_a_busy_machine() -> None:
    assert most_side_by_side(6, at_once=2, most=6, seen=spare(BUSY)) == 2


def test_more_go_on_while_there_is_time_to_spare_but_no_more_than_that() -> None:
    assert most_side_by_side(8, at_once=2, most=4, seen=spare(IDLE)) == 4


def test_so_many_go_on_at_once_where_nobody_can_tell() -> None:
    assert most_side_by_side(4, at_once=1, most=3, seen=None) == 1


def test_what_a_job_returns_is_in_the_order_of_the_jobs() -> None:
    second_is_done = threading.Event()

    def first() -> int:
        assert second_is_done.wait(SOON)
        return 1

    def second() -> int:
        second_is_done.set()
        return 2

    assert in_turn([first, second], at_once=2, most=2, spare=None) == [1, 2]


def test_a_short_pause_is_no_time_to_spare() -> None:
    seen = spare(IDLE, IDLE, IDLE, IDLE, BUSY, IDLE, IDLE, IDLE, IDLE, IDLE)
    assert [seen.look() for _ in range(10)] == [False] * 9 + [True]


def test_what_was_spent_must_come_again() -> None:
    seen = spare(IDLE)
    assert [seen.look() for _ in range(5)][-1]
    seen.spend()
    assert [seen.look() for _ in range(5)] == [False] * 4 + [True]
