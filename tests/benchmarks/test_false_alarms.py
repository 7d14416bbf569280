"""What of a run counts as a false alarm. One that did not begin is none, and ends the series."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.false_alarms import Circumstance, Company, Run, render, require_begun, verdict_of
from image_harness.types import Status


def ended(exit_code: int, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], exit_code, said, "error: unrecognized arguments: --random-order-seed=1")


def test_a_run_that_did_not_begin_ends_the_series_and_says_why() -> None:
    with pytest.raises(SystemExit, match=r"false_alarms: a run did not begin;.*\n.*unrecognized arguments"):
        require_begun(ended(4))


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_run_that_came_to_its_end_is_a_run(exit_code: int) -> None:
    require_begun(ended(exit_code))


@pytest.mark.parametrize(
    ("exit_code", "word", "verdict", "red"),
    [
        (0, "MET: ", Status.MET, False),
        (1, "UNPROVEN: ", Status.UNPROVEN, False),
        (1, "NOT MET: ", Status.NOT_MET, True),
        (1, "MET: ", None, True),
        (0, "UNPROVEN: ", None, True),
        (0, "  MET: ", None, True),
        (2, "", None, True),
    ],
)
def test_a_run_is_red_unless_its_verdict_and_its_exit_code_say_otherwise(
    exit_code: int, word: str, verdict: Status | None, red: bool
) -> None:
    run = Run(1.0, verdict_of(ended(exit_code, f"first\n{word}382 of 382 requirements\n")))
    assert run.verdict is verdict
    assert run.red is red


def test_what_could_not_be_shown_is_counted_apart() -> None:
    alone = Circumstance(1, Company.NOBODY)
    runs = [Run(2.0, Status.MET), Run(4.0, Status.UNPROVEN), Run(6.0, Status.NOT_MET)]
    assert render({alone: runs}).splitlines()[2] == "| one process, alone | 3 | 1 | 1 | 2.0 | 4.0 | 5.8 | 6.0 |"
