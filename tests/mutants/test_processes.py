"""Runs of pytest that are started together, and ended together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_harness.mutants.command import _in_the_background
from image_harness.mutants.processes import EndedWithOthersError, Pytest, ended_together, started, wait

# Longer than any of these tests may take: a run that is not ended is seen by its time.
_LONG = 60.0


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Pytest]:
    """A run that goes on for long."""
    (tmp_path / "test_it.py").write_text(f"import time\n\ndef test_it():\n    time.sleep({_LONG})\n")
    with started([str(tmp_path)], root=tmp_path, log=tmp_path / "log") as run:
        yield run


@pytest.mark.parametrize(("humbly", "priority"), [(False, os.getpriority(os.PRIO_PROCESS, 0)), (True, 19)])
def test_a_humble_run_lets_others_go_first(tmp_path: Path, humbly: bool, priority: int) -> None:
    with started([str(tmp_path)], root=tmp_path, log=tmp_path / "log", humbly=humbly) as run:
        assert os.getpriority(os.PRIO_PROCESS, run.process.pid) == priority


def test_what_fails_in_one_block_ends_the_runs_of_all(endless: Pytest) -> None:
    begin = time.monotonic()

    def fail() -> None:
        with ended_together():
            raise KeyError("it")

    with ThreadPoolExecutor(1) as thread, ended_together(), ExitStack() as left:
        left.enter_context(pytest.raises(EndedWithOthersError))
        thread.submit(fail)
        with ended_together():
            wait([endless])
    assert time.monotonic() - begin < _LONG / 2


def test_a_block_that_begins_after_a_failure_does_not_undo_it(endless: Pytest) -> None:
    def fail_and_begin_anew() -> None:
        with pytest.raises(KeyError), ended_together():
            raise KeyError("it")
        with ended_together():
            wait([endless])

    with ended_together(), pytest.raises(EndedWithOthersError):
        fail_and_begin_anew()


def test_what_failed_before_is_none_of_the_next_ones_business(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ended_together():
        raise KeyError("it")
    with ended_together(), started([str(tmp_path)], root=tmp_path, log=tmp_path / "log") as run:
        wait([run])
    assert run.process.returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_what_failed_in_the_background_is_told_and_not_that_others_ended_with_it(endless: Pytest) -> None:
    def fail() -> None:
        with ended_together():
            raise KeyError("it")

    with pytest.raises(KeyError, match="it"), _in_the_background(fail):
        wait([endless])


def test_a_failure_before_the_background_is_done_ends_it(endless: Pytest) -> None:
    begin = time.monotonic()
    with pytest.raises(KeyError, match="it"), _in_the_background(wait, [endless]):
        raise KeyError("it")
    assert time.monotonic() - begin < _LONG / 2
