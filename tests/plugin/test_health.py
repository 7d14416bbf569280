"""The health of a container tells something of its service only where the machine gave it the time to."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from image_harness.engine import (
    Answer,
    Clock,
    ContainerState,
    EngineError,
    Health,
    HealthProbe,
    HealthStatus,
    HealthTimeline,
    HealthTransition,
    WaitExpired,
)
from image_harness.plugin.health import judge_health
from image_harness.types import HealthCheck
from tests.engine.states import running

START = datetime(2026, 1, 2, tzinfo=UTC)
CHECK = HealthCheck(("CMD", "/p"), interval=timedelta(seconds=30), timeout=timedelta(seconds=5), retries=3)
HEALTHY, STARTING, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.STARTING, HealthStatus.UNHEALTHY


class Probed:
    """A container that its engine calls one thing after the other, each with the probes that led to it.

    Args:
        steps: What it is called; the starts of the probes that failed by then, in seconds from its own.
    """

    def __init__(self, *steps: tuple[HealthStatus, Sequence[int]]) -> None:
        self._steps = list(steps)
        self._called = [STARTING]
        self._probes: tuple[HealthProbe, ...] = ()
        self.limits: list[timedelta] = []

    def health_check(self) -> HealthCheck:
        return CHECK

    def wait_for_health(
        self, _status: HealthStatus, limit: timedelta, *_ends: HealthStatus, **_options: object
    ) -> None:
        self.limits.append(limit)
        called, failed = self._steps.pop(0)
        self._called.append(called)
        times = [START + timedelta(seconds=at) for at in failed]
        self._probes = tuple(HealthProbe(time, time, 1, "") for time in times)
        if called is STARTING:
            raise WaitExpired("in vain")

    def state(self) -> ContainerState:
        return running(Health(self._called[-1], 0, self._probes), START)

    def health_timeline(self) -> HealthTimeline:
        called = [status for index, status in enumerate(self._called) if status not in self._called[:index]]
        return HealthTimeline(tuple(HealthTransition(START, status) for status in called))


def judged(
    container: Probed, *, answered: bool = True, within: timedelta = timedelta(seconds=1)
) -> tuple[HealthStatus, ...]:
    """Judge the health of a container whose service took 100 seconds to answer."""
    answering: Future[tuple[Answer, timedelta]] = Future()
    answering.set_result((Answer(answered=answered), timedelta(seconds=100)))
    found = judge_health(cast("Any", container), Clock(10), within, answering, lambda: answered)
    return found.statuses


def test_a_service_that_was_called_unhealthy_before_it_answered_is_not_blamed() -> None:
    with pytest.raises(EngineError, match="this machine is too slow for the health check's start period"):
        judged(Probed((UNHEALTHY, (50, 70, 90)), (HEALTHY, (50, 70, 90))))


@pytest.mark.parametrize(
    ("steps", "answered", "statuses"),
    [
        pytest.param([(HEALTHY, ())], True, (STARTING, HEALTHY), id="healthy"),
        pytest.param([(UNHEALTHY, (101, 120, 140))], True, (STARTING, UNHEALTHY), id="probed when it answered"),
        pytest.param([(UNHEALTHY, (50, 70, 90))], False, (STARTING, UNHEALTHY), id="never answered"),
        pytest.param(
            [(UNHEALTHY, (50, 70, 90)), (STARTING, (90, 110, 130, 150))],
            True,
            (STARTING, UNHEALTHY),
            id="probed in vain later, too",
        ),
    ],
)
def test_every_other_health_is_about_the_service(
    steps: Sequence[tuple[HealthStatus, Sequence[int]]], statuses: tuple[HealthStatus, ...], *, answered: bool
) -> None:
    assert judged(Probed(*steps), answered=answered) == statuses


@pytest.mark.parametrize(("within", "limit"), [(1, 35), (20, 200)])
def test_an_engine_that_probes_first_after_a_whole_interval_is_waited_for(within: int, limit: int) -> None:
    container = Probed((HEALTHY, ()))
    judged(container, within=timedelta(seconds=within))
    assert container.limits == [timedelta(seconds=limit)]
