"""A health check that was over too soon for the machine tells nothing of the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from image_harness.engine import (
    Clock,
    ContainerState,
    EngineError,
    Health,
    HealthProbe,
    HealthStatus,
    require_time_enough,
    was_hasty,
)
from image_harness.types import HealthCheck
from tests.engine.states import running

START = datetime(2026, 1, 2, tzinfo=UTC)
CHECK = HealthCheck(("CMD", "/p"), retries=3)
SLOW = Clock(10.0)


def probed(*probes: tuple[int, int]) -> ContainerState:
    """Return an unhealthy container's state: each probe's start, in seconds from the container's, and exit code."""
    made = tuple(
        HealthProbe(START + timedelta(seconds=start), START + timedelta(seconds=start + 1), code, "")
        for start, code in probes
    )
    return running(Health(HealthStatus.UNHEALTHY, len(made), made), START)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_a_service_that_answers_after_it_was_probed_in_vain_was_judged_in_haste() -> None:
    state = probed((60, 1), (90, 1), (120, 1))
    assert was_hasty(state, CHECK, seconds(61))
    with pytest.raises(EngineError, match="answered after 61 s, and was probed in vain before: this machine is too"):
        require_time_enough(state, CHECK, seconds(61), SLOW)


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(probed((60, 1), (90, 1), (120, 1)), id="all after the answer"),
        pytest.param(probed((30, 1), (60, 1), (90, 1), (120, 1)), id="the first was not among the last three"),
        pytest.param(probed((30, 0), (60, 1), (90, 1), (120, 1)), id="one before that passed"),
        pytest.param(replace(probed((1, 1)), started_at=None), id="never started"),
    ],
)
def test_probes_in_vain_of_a_service_that_answers_are_about_the_service(state: ContainerState) -> None:
    assert not was_hasty(state, CHECK, seconds(59))
    require_time_enough(state, CHECK, seconds(59), SLOW)


@pytest.mark.parametrize(("slowness", "told"), [(1.9, False), (2.0, True), (30.0, True)])
def test_a_probe_that_was_cut_off_counts_only_where_it_had_its_time(slowness: float, *, told: bool) -> None:
    state = probed((60, 1), (90, -1), (120, 1))
    if not told:
        require_time_enough(state, CHECK, seconds(10), Clock(slowness))
        return
    with pytest.raises(EngineError, match="a probe was cut off at its time limit, on a machine"):
        require_time_enough(state, CHECK, seconds(10), Clock(slowness))


def test_as_many_probes_decide_as_the_health_check_lets_fail() -> None:
    state = probed((30, 1), (60, 1))
    assert was_hasty(state, CHECK, seconds(59))
    assert not was_hasty(state, replace(CHECK, retries=1), seconds(59))
    assert was_hasty(state, replace(CHECK, retries=None), seconds(59))
