"""A run that did not begin is no false alarm, and ends the series."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.false_alarms import require_begun


def ended(exit_code: int) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], exit_code, "", "error: unrecognized arguments: --random-order-seed=1")


def test_a_run_that_did_not_begin_ends_the_series_and_says_why() -> None:
    with pytest.raises(SystemExit, match=r"false_alarms: a run did not begin;.*\n.*unrecognized arguments"):
        require_begun(ended(4))


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_run_that_came_to_its_end_is_a_run(exit_code: int) -> None:
    require_begun(ended(exit_code))
