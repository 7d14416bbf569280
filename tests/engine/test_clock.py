from __future__ import annotations

from datetime import timedelta

import pytest

from image_harness.engine import Clock, Engine

from .conftest import IMAGE

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("slowness", "seconds"), [(0.2, 1.0), (1.0, 1.0), (7.5, 7.5), (500.0, 20.0)])
def test_a_limit_is_never_below_the_given_one_and_grows_at_most_twentyfold(slowness: float, seconds: float) -> None:
    assert Clock(slowness).limit(SECOND) == timedelta(seconds=seconds)


@pytest.mark.engine
def test_calibration_measures_the_machine(engine: Engine) -> None:
    assert 0.2 < Clock.calibrate(engine, IMAGE).slowness < 200
