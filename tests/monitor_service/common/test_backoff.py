"""Trying again waits longer each time, and ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import islice

import pytest

from common.backoff import Backoff, with_retries

_FAST = Backoff(first=timedelta(microseconds=1), longest=timedelta(microseconds=2))


class Calls:
    """Fails a number of times, then gives an answer."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.count = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> str:
        self.count += 1
        if self.count <= self._failures:
            raise self._error
        return "answer"


def _run(calls: Calls, attempts: int = 3) -> str:
    return asyncio.run(
        with_retries(calls, attempts=attempts, backoff=_FAST, retriable=lambda e: isinstance(e, TimeoutError))
    )


def test_waits_double_up_to_the_longest() -> None:
    waits = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=5)).waits()
    assert [wait.total_seconds() for wait in islice(waits, 5)] == [1, 2, 4, 5, 5]


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_an_answer_within_the_attempts_is_given(failures: int) -> None:
    calls = Calls(failures, TimeoutError())
    assert _run(calls) == "answer"
    assert calls.count == failures + 1


def test_the_last_failure_is_raised() -> None:
    calls = Calls(9, TimeoutError("late"))
    with pytest.raises(TimeoutError, match="late"):
        _run(calls)
    assert calls.count == 3


def test_what_will_not_pass_is_not_tried_again() -> None:
    calls = Calls(9, ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        _run(calls)
    assert calls.count == 1
