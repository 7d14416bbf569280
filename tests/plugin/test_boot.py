"""What is asked of a booting container is waited for in the background, and asked once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.design import Design, load_design
from image_harness.engine import (
    Answer,
    Answers,
    Clock,
    ContainerLost,
    ContainerState,
    EngineError,
    Health,
    HealthProbe,
    HealthStatus,
    HealthTimeline,
    HealthTransition,
    WaitExpired,
)
from image_harness.plugin import boot as module
from image_harness.plugin.boot import Boot, judge_health
from image_harness.types import HealthCheck
from tests.engine.states import running

ROOT = Path(__file__).resolve().parents[2]
TOOK = timedelta(seconds=3)


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


def boot(design: Design, answer: Answer | Exception | None) -> Boot:
    answering: Future[tuple[Answer, timedelta]] = Future()
    if isinstance(answer, Exception):
        answering.set_exception(answer)
    elif answer is not None:
        answering.set_result((answer, TOOK))
    container = cast("Any", SimpleNamespace(name="box", address=lambda port: ("127.0.0.1", port.number + 1)))
    return Boot(container, cast("Any", None), answering, Future(), design, Clock)


def test_many_clients_ask_once(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def ask(address: object, path: str, clients: int, limit: timedelta) -> Answers:
        asked.append((address, path, clients, limit))
        return Answers(Counter({200: clients}), Counter())

    monkeypatch.setattr(module, "ask_at_once", ask)
    booted = boot(design, Answer(answered=True))
    assert booted.load() is booted.load()
    assert asked == [(("127.0.0.1", 8094), "/health", design.runtime.clients, timedelta(seconds=10))]


def test_how_long_it_took_is_known_once_it_answers(design: Design) -> None:
    assert boot(design, Answer(answered=True)).duration == TOOK
    assert boot(design, Answer(answered=False)).duration is None
    assert boot(design, EngineError("gone")).duration is None
    assert boot(design, None).duration is None


def test_a_service_that_does_not_answer_has_nothing_to_show(design: Design) -> None:
    silent = boot(design, Answer(answered=False, reason="died"))
    with pytest.raises(ContainerLost, match="box: the service did not answer: died"):
        _ = silent.container
    with pytest.raises(ContainerLost):
        silent.load()


START = datetime(2026, 1, 2, tzinfo=UTC)
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

    def health_check(self) -> HealthCheck:
        return HealthCheck(("CMD", "/p"), retries=3)

    def wait_for_health(self, *_statuses: HealthStatus, **_options: object) -> None:
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


def judged(container: Probed, *, answered: bool = True) -> tuple[HealthStatus, ...]:
    """Judge the health of a container whose service took 100 seconds to answer."""
    answering: Future[tuple[Answer, timedelta]] = Future()
    answering.set_result((Answer(answered=answered), timedelta(seconds=100)))
    found = judge_health(cast("Any", container), Clock(10), timedelta(seconds=1), answering, lambda: answered)
    return found.statuses


def test_a_service_that_was_called_unhealthy_before_it_answered_is_not_blamed() -> None:
    with pytest.raises(EngineError, match="this machine is too slow for the health check's start period"):
        judged(Probed((UNHEALTHY, (50, 70, 90)), (HEALTHY, (50, 70, 90))))


@pytest.mark.parametrize(
    ("container", "answered", "statuses"),
    [
        pytest.param(Probed((HEALTHY, ())), True, (STARTING, HEALTHY), id="healthy"),
        pytest.param(Probed((UNHEALTHY, (101, 120, 140))), True, (STARTING, UNHEALTHY), id="probed when it answered"),
        pytest.param(Probed((UNHEALTHY, (50, 70, 90))), False, (STARTING, UNHEALTHY), id="never answered"),
        pytest.param(
            Probed((UNHEALTHY, (50, 70, 90)), (STARTING, (90, 110, 130, 150))),
            True,
            (STARTING, UNHEALTHY),
            id="probed in vain later, too",
        ),
    ],
)
def test_every_other_health_is_about_the_service(
    container: Probed, statuses: tuple[HealthStatus, ...], *, answered: bool
) -> None:
    assert judged(container, answered=answered) == statuses
