from __future__ import annotations

from datetime import timedelta

import pytest

from image_harness.engine import Clock, Engine, EngineError
from image_harness.engine.clock import WaitLimit, taken

from .conftest import IMAGE

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("slowness", "seconds"), [(0.2, 1.0), (1.0, 1.0), (7.5, 7.5), (500.0, 20.0)])
def test_a_limit_is_never_below_the_given_one_and_grows_at_most_twentyfold(slowness: float, seconds: float) -> None:
    assert Clock(slowness).limit(SECOND) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("slowness", "total", "idle"), [(0.2, 1, 1), (2, 2, 2), (11, 11, 3), (500, 20, 3)])
def test_what_sleeps_is_not_waited_for_as_long_as_what_works(slowness: float, total: float, idle: float) -> None:
    assert Clock(slowness).wait_limit(SECOND) == WaitLimit(timedelta(seconds=total), timedelta(seconds=idle))


def test_the_time_is_what_the_piece_of_work_printed() -> None:
    assert taken("a warning\ntook 1.25\n") == timedelta(seconds=1.25)


@pytest.mark.parametrize("output", ["", "\n", "1.25\n", "took 1.2", "took 1.2.3\n", "took nan\n", "took inf\n"])
def test_what_is_no_time_is_an_error(output: str) -> None:
    with pytest.raises(EngineError, match="the calibration printed no time"):
        taken(output)


@pytest.mark.engine
def test_calibration_measures_the_machine(engine: Engine) -> None:
    assert 0.2 < Clock.calibrate(engine, IMAGE).slowness < 200
