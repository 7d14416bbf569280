from __future__ import annotations

from datetime import UTC, datetime, timedelta

from image_harness.engine import HealthStatus, HealthTransition
from image_harness.engine.events import make_timeline, parse_health_event

START = datetime(2026, 1, 2, tzinfo=UTC)


def after(seconds: float, status: HealthStatus) -> HealthTransition:
    return HealthTransition(START + timedelta(seconds=seconds), status)


def test_docker_writes_the_state_into_the_action() -> None:
    event = {"Type": "container", "Action": "health_status: healthy", "timeNano": 1_500_000_000, "time": 1}
    assert parse_health_event(event) == HealthTransition(
        datetime(1970, 1, 1, 0, 0, 1, 500000, UTC), HealthStatus.HEALTHY
    )


def test_podman_writes_it_into_an_attribute() -> None:
    event = {"Action": "health_status", "time": 2, "Actor": {"Attributes": {"health_status": "unhealthy"}}}
    found = parse_health_event(event)
    assert found is not None
    assert found.status is HealthStatus.UNHEALTHY


def test_other_events_are_none() -> None:
    assert parse_health_event({"Action": "exec_start: /usr/bin/python3.11", "time": 2}) is None
    assert parse_health_event({"Action": "health_status", "time": 2}) is None


def test_a_timeline_begins_with_starting_is_in_order_and_drops_repeated_and_older_states() -> None:
    timeline = make_timeline(
        START,
        [
            after(9, HealthStatus.UNHEALTHY),
            after(3, HealthStatus.HEALTHY),
            after(4, HealthStatus.HEALTHY),
            after(-5, HealthStatus.UNHEALTHY),
        ],
    )
    assert timeline.statuses == (HealthStatus.STARTING, HealthStatus.HEALTHY, HealthStatus.UNHEALTHY)
    assert timeline.until(HealthStatus.HEALTHY) == timedelta(seconds=3)
    assert timeline.until(HealthStatus.NONE) is None
