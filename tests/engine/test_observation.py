"""What could not be looked at raises when it is asked for, and costs nothing else; what a machine may spoil does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from image_harness.engine import ContainerState, EngineError, Health, HealthStatus, RunOptions, Seen
from image_harness.engine.clock import Clock, WaitLimit
from image_harness.engine.observation import Answer, LateAnswer, ServicePlan, _Visit
from image_harness.types import Port
from tests.engine.states import running

SECOND = timedelta(seconds=1)
NATIVE = Clock()
EMULATED = Clock(10)


def test_what_was_seen_is_kept() -> None:
    assert Seen(lambda: 8093).value == 8093


def test_nothing_can_be_seen_as_well() -> None:
    assert Seen(lambda: None).value is None


def refuse() -> int:
    raise EngineError("gone", where="box")


def reset() -> int:
    raise ConnectionResetError("reset by peer")


def test_an_engines_failure_raises_when_the_value_is_asked_for() -> None:
    seen = Seen(refuse)
    with pytest.raises(EngineError, match="box: gone"):
        _ = seen.value


def test_a_lost_connection_is_the_engines_failure() -> None:
    with pytest.raises(EngineError, match="ConnectionResetError: reset by peer"):
        _ = Seen(reset).value


@pytest.mark.parametrize("clock", [NATIVE, EMULATED])
@pytest.mark.parametrize(
    "late",
    [
        pytest.param(LateAnswer(422, 9 * SECOND, 9 * SECOND), id="an answer, however late"),
        pytest.param(LateAnswer(None, SECOND / 10, SECOND), id="given up at once"),
        pytest.param(LateAnswer(None, SECOND / 10, 31 * SECOND), id="neither answered nor ended"),
    ],
)
def test_what_was_answered_or_given_up_at_once_can_be_judged_on_any_machine(clock: Clock, late: LateAnswer) -> None:
    late.require_chance(3 * SECOND, clock)


def test_on_a_native_machine_a_request_that_was_complete_soon_had_its_chance() -> None:
    LateAnswer(None, SECOND, 2 * SECOND).require_chance(3 * SECOND, NATIVE)


@pytest.mark.parametrize(
    ("clock", "complete_after"),
    [
        pytest.param(EMULATED, 1.2 * SECOND, id="the service was too slow"),
        pytest.param(NATIVE, 1.5 * SECOND, id="the rest came too late"),
        pytest.param(NATIVE, 3.4 * SECOND, id="the rest came when the service had to have ended"),
    ],
)
def test_what_a_machine_may_have_kept_from_answering_says_nothing(clock: Clock, complete_after: timedelta) -> None:
    with pytest.raises(EngineError, match=r"may be this machine's fault: .* complete only .* within 3\.0 s, and"):
        LateAnswer(None, complete_after, complete_after + SECOND / 2).require_chance(3 * SECOND, clock)


class Probed:
    """A container of a service that answers by now, looked at again and again."""

    name = "box"

    def __init__(self, *looks: Health) -> None:
        self._looks: Iterator[Health] = iter(looks)

    def state(self) -> ContainerState:
        return running(next(self._looks), datetime.now(UTC))

    def wait_for_health(self, *_: object, **__: object) -> None:
        """It is called that by now."""

    def wait_until(self, look: Callable[[], Health | None], *_: object) -> Health:
        while (found := look()) is None:
            pass
        return found


def failing(streak: int) -> Health:
    return Health(HealthStatus.UNHEALTHY, streak)


def health_of(*looks: Health) -> Health:
    limit = WaitLimit(SECOND, SECOND)
    plan = ServicePlan(RunOptions(), Port(1), "/", limit, "/python", health=HealthStatus.UNHEALTHY)
    return _Visit(cast("Any", Probed(*looks)), plan, Answer(answered=True)).health()


def test_probes_that_failed_before_the_service_answered_do_not_make_it_unhealthy() -> None:
    # Before the service answered 5 had failed; the last look is for the result.
    assert health_of(*map(failing, (5, 5, 6, 7, 8))) == failing(8)


def test_a_service_that_is_healthy_after_all_is_not_waited_for() -> None:
    healthy = Health(HealthStatus.HEALTHY)
    assert health_of(failing(5), failing(6), healthy, healthy) == healthy
