"""How the health of a container that has just been started goes, and whether that is about its service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta

from image_harness.engine import (
    Answer,
    Clock,
    Container,
    ContainerDied,
    HealthStatus,
    HealthTimeline,
    WaitExpired,
    require_time_enough,
    was_hasty,
)
from image_harness.types import HealthCheck

# The engines' own default of a health check's interval, and of its timeout.
_DEFAULT = timedelta(seconds=30)


def judge_health(
    container: Container,
    clock: Clock,
    within: timedelta,
    answering: Future[tuple[Answer, timedelta]],
    answers: Callable[[], bool],
) -> HealthTimeline:
    """Return how a container's health goes, if the machine gives it the time that it takes to tell.

    Args:
        container: It has just been started.
        clock: Scales time limits.
        within: How long it may take on a native machine.
        answering: Whether the service answers, and how long that took.
        answers: Whether it does so by now.

    Raises:
        EngineError: The engine failed, or it judged before the service, on a machine as slow as this one, could answer.
    """
    check = container.health_check()
    limit = max(clock.limit(within), _first_probe(check))
    timeline = _follow(container, limit, answers)
    if check is None or timeline.statuses[1:2] == (HealthStatus.HEALTHY,):
        return timeline
    answer, took = answering.result()
    if answer.answered and was_hasty(container.state(), check, took):
        # What its next probes say may still be about the service.
        timeline = _follow(container, limit, answers, ends=())
    state = container.state()
    if answer.answered and state.running:
        require_time_enough(state, check, took, clock)
    return timeline


def _first_probe(check: HealthCheck | None) -> timedelta:
    """By when an engine has probed once: those without an interval for starts do so after a whole interval."""
    if check is None:
        return timedelta()
    return (check.interval or _DEFAULT) + (check.timeout or _DEFAULT)


def _follow(
    container: Container,
    limit: timedelta,
    answers: Callable[[], bool],
    *,
    ends: tuple[HealthStatus, ...] = (HealthStatus.UNHEALTHY,),
) -> HealthTimeline:
    """Return how a container's health goes until it is healthy, one of ``ends``, has ended, or the limit is over.

    A container whose service ``answers`` and whose probes go on failing is not waited for to the end of the limit.

    A service that ends or never becomes healthy is a finding about the image, as is an image without a health check.

    Raises:
        EngineError: The engine failed.
    """
    check = container.health_check()
    if check is not None:
        with contextlib.suppress(ContainerDied, WaitExpired):
            container.wait_for_health(HealthStatus.HEALTHY, limit, *ends, answers=answers)
    return container.health_timeline()
