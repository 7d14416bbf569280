from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from image_harness.engine import ContainerStatus, EngineError, HealthStatus
from image_harness.engine.state import parse_addresses, parse_health_check, parse_state
from image_harness.types import HealthCheck, Port


def document(**changes: object) -> dict[str, Any]:
    state = {
        "Status": "running",
        "Running": True,
        "OOMKilled": False,
        "Pid": 42,
        "ExitCode": 0,
        "Error": "",
        "StartedAt": "2026-01-02T03:04:05.123456789Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
    }
    return {"State": state | changes}


def test_a_running_container_has_no_exit_code() -> None:
    state = parse_state(document())
    assert (state.status, state.running, state.exit_code, state.pid) == (ContainerStatus.RUNNING, True, None, 42)
    assert state.health.status is HealthStatus.NONE
    assert not state.ended


def test_an_ended_container_has_one() -> None:
    state = parse_state(
        document(Status="exited", Running=False, ExitCode=137, OOMKilled=True, Pid=0, FinishedAt="2026-01-02T03:05:00Z")
    )
    assert (state.ended, state.exit_code, state.oom_killed) == (True, 137, True)


def test_a_container_that_was_never_started_has_neither_start_nor_exit_code() -> None:
    state = parse_state(document(Status="created", Running=False, StartedAt="0001-01-01T00:00:00Z"))
    assert (state.started_at, state.exit_code, state.ended) == (None, None, False)


@pytest.mark.parametrize("key", ["Health", "Healthcheck"])
def test_health_is_read_from_dockers_and_podmans_key(key: str) -> None:
    log = [{"Start": "2026-01-02T03:04:06Z", "End": "2026-01-02T03:04:07Z", "ExitCode": 1, "Output": "refused"}]
    health = parse_state(document(**{key: {"Status": "starting", "FailingStreak": 1, "Log": log}})).health
    assert (health.status, health.failing_streak) == (HealthStatus.STARTING, 1)
    assert (health.probes[0].exit_code, health.probes[0].output) == (1, "refused")


@pytest.mark.parametrize("held", [None, {}, {"StartInterval": 5_000_000_000}, {"Test": [], "Retries": 3}])
def test_a_health_check_without_a_command_is_none(held: object) -> None:
    assert parse_health_check({"Config": {"Healthcheck": held}}) is None


def test_a_health_check_with_a_command_is_one() -> None:
    found = parse_health_check({"Config": {"Healthcheck": {"Test": ["CMD", "/p"], "StartInterval": 5_000_000_000}}})
    assert found == HealthCheck(("CMD", "/p"), start_interval=timedelta(seconds=5))


def test_podmans_empty_health_record_means_no_health_check() -> None:
    assert (
        parse_state(document(Health={"Status": "", "FailingStreak": 0, "Log": None})).health.status is HealthStatus.NONE
    )


@pytest.mark.parametrize("broken", [{}, {"State": None}, {"State": {"Status": "dancing", "Running": True}}])
def test_another_document_is_an_error_of_the_engine(broken: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        parse_state(broken)


def test_only_published_ports_have_an_address() -> None:
    ports = {"8093/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32769"}], "8094/tcp": None}
    assert parse_addresses({"NetworkSettings": {"Ports": ports}}) == {Port(8093): ("127.0.0.1", 32769)}
    assert parse_addresses({"NetworkSettings": {}}) == {}
