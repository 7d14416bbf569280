from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from requests import Response

from image_harness.engine import ContainerState, EngineError, Health, HealthProbe, HealthStatus
from image_harness.engine.event_log import EventLog
from image_harness.engine.health import HealthView
from image_harness.engine.state import never_probed
from image_harness.types import HealthCheck
from tests.engine.states import running

START = datetime(2026, 1, 2, tzinfo=UTC)
CHECK = HealthCheck(("CMD", "/p"), interval=timedelta(seconds=1), timeout=timedelta(seconds=2))
RUNNING = running(Health(HealthStatus.STARTING), START)
PROBED = Health(
    HealthStatus.HEALTHY, 0, (HealthProbe(START + timedelta(seconds=4), START + timedelta(seconds=5), 0, ""),)
)
LONG = timedelta(minutes=1)


class LaggingEngine:
    """Announces each probe with the state from before it, as Podman does."""

    base_url = "http://engine"
    api_version = "1.45"

    def __init__(self, container_id: str = "id") -> None:
        self._container_id = container_id

    def get(self, *_: object, **__: object) -> Response:
        nanoseconds = int((START + timedelta(seconds=4)).timestamp()) * 1_000_000_000
        event = {
            "Action": "health_status",
            "HealthStatus": "starting",
            "timeNano": nanoseconds,
            "Actor": {"ID": self._container_id},
        }
        response = Response()
        response.status_code = 200
        response._content = json.dumps(event).encode()
        return response


def view(state: ContainerState, *, events_lag: bool = True, events_of: str = "id") -> HealthView:
    log = EventLog(LaggingEngine(events_of), "id", "name")  # type: ignore[arg-type]
    return HealthView(log, "name", state=lambda: state, events_lag=events_lag)


def test_an_engine_whose_events_should_not_lag_has_forgotten_some_when_they_do() -> None:
    with pytest.raises(EngineError, match="calls it healthy and has no event of that"):
        view(replace(RUNNING, health=PROBED), events_lag=False).timeline()


class Announcements:
    """An engine whose events are those that it is told to have noted, some of them only when it is asked again."""

    base_url = "http://engine"
    api_version = "1.45"

    def __init__(self, at_once: Sequence[HealthStatus], later: Sequence[HealthStatus]) -> None:
        self._noted = [at_once, later]

    def get(self, *_: object, **__: object) -> Response:
        noted = self._noted.pop(0) if len(self._noted) > 1 else self._noted[0]
        response = Response()
        response.status_code = 200
        response._content = "".join(self._event(second, status) for second, status in enumerate(noted, 1)).encode()
        return response

    @staticmethod
    def _event(second: int, status: HealthStatus) -> str:
        nanoseconds = (int(START.timestamp()) + second) * 1_000_000_000
        return json.dumps(
            {"Action": f"health_status: {status}", "timeNano": nanoseconds + 1_000_000, "Actor": {"ID": "id"}}
        )


def announced(
    status: HealthStatus, at_once: Sequence[HealthStatus], later: Sequence[HealthStatus], *, probes: int
) -> HealthView:
    """A view of a container that is called so since its probe of a second; events come one a second."""
    ended = START + timedelta(seconds=probes)
    probed = Health(status, 0, (HealthProbe(ended - timedelta(seconds=0.5), ended, 0, ""),))
    log = EventLog(Announcements(at_once, later), "id", "name")  # type: ignore[arg-type]
    return HealthView(log, "name", state=lambda: replace(RUNNING, health=probed))


UP, DOWN = HealthStatus.HEALTHY, HealthStatus.UNHEALTHY


@pytest.mark.parametrize("status", [UP, DOWN])
def test_an_event_of_a_state_that_came_before_is_waited_for_when_it_is_noted_late(status: HealthStatus) -> None:
    other = DOWN if status is UP else UP
    timeline = announced(status, [status, other], [status, other, status], probes=3).timeline()
    assert timeline.statuses == (HealthStatus.STARTING, status, other, status)


def test_an_engine_that_has_forgotten_how_a_state_came_again_is_found_out() -> None:
    with pytest.raises(EngineError, match="calls it unhealthy and has no event of that"):
        announced(DOWN, [DOWN, UP], [DOWN, UP], probes=3).timeline()


def test_what_happened_after_the_state_was_read_is_no_contradiction() -> None:
    timeline = announced(UP, [UP, DOWN], [], probes=1).timeline()
    assert timeline.statuses == (HealthStatus.STARTING, UP, DOWN)


def test_events_of_another_container_are_not_taken_for_this_one_s() -> None:
    with pytest.raises(EngineError, match="is of another container: other"):
        view(replace(RUNNING, health=PROBED), events_of="other").timeline()


def test_a_timeline_does_not_lag_behind_the_state() -> None:
    timeline = view(replace(RUNNING, health=PROBED)).timeline()
    assert timeline.statuses == (HealthStatus.STARTING, HealthStatus.HEALTHY)
    assert timeline.until(HealthStatus.HEALTHY) == timedelta(seconds=5)


def test_who_waits_is_told_that_the_engine_holds_no_health_check() -> None:
    look = view(replace(RUNNING, health=Health())).watch((HealthStatus.HEALTHY,), None)
    with pytest.raises(EngineError, match="holds no health check"):
        look()


def test_an_engine_that_never_probes_is_found_out() -> None:
    assert never_probed(RUNNING, CHECK, LONG)
    assert not never_probed(RUNNING, CHECK, timedelta(seconds=3))
    assert not never_probed(replace(RUNNING, health=PROBED), CHECK, LONG)
    assert not never_probed(RUNNING, None, LONG)
    assert not never_probed(replace(RUNNING, running=False), CHECK, LONG)
    # Docker and Podman wait 30 s where nothing else is said.
    assert not never_probed(RUNNING, HealthCheck(("CMD", "/p")), LONG)
