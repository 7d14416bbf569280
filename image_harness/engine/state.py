"""What the engine says about a container, read out of its inspect document once."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from image_harness.engine.errors import EngineError
from image_harness.engine.timestamps import parse_timestamp
from image_harness.types import HealthCheck, Port

# The engines' own defaults for what a health check leaves out.
_INTERVAL = _TIMEOUT = timedelta(seconds=30)
# What a busy machine may take for the rest.
_GRACE = timedelta(seconds=20)
_DURATIONS = ("Interval", "Timeout", "StartPeriod", "StartInterval")


class ContainerStatus(enum.StrEnum):
    """The life cycle of a container in the words of Docker and Podman."""

    CREATED = "created"
    INITIALIZED = "initialized"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class HealthStatus(enum.StrEnum):
    """What the engine makes of its health probes; ``NONE`` where there is no health check."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class HealthProbe:
    """One run of the health check, as the engine logged it; -1 is the exit code of a probe that timed out."""

    start: datetime | None
    end: datetime | None
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class Health:
    """The engine's health record: its verdict, failures in a row and its last probes (five, with Docker)."""

    status: HealthStatus = HealthStatus.NONE
    failing_streak: int = 0
    probes: tuple[HealthProbe, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container at one moment.

    Attributes:
        status: Where in its life it is.
        running: Whether its first process lives.
        exit_code: What that process ended with; None while it lives or before it started.
        oom_killed: Whether the kernel ended it for want of memory.
        error: What the engine noted when it failed to start.
        pid: Its first process in the engine's own PID namespace; 0 when none runs.
        started_at: When it was started last.
        finished_at: When it ended.
        health: The engine's health record.
    """

    status: ContainerStatus
    running: bool
    exit_code: int | None
    oom_killed: bool
    error: str
    pid: int
    started_at: datetime | None
    finished_at: datetime | None
    health: Health

    @property
    def ended(self) -> bool:
        """Whether the container has run and runs no more."""
        return self.status in (ContainerStatus.EXITED, ContainerStatus.DEAD, ContainerStatus.STOPPED)


def parse_state(document: Mapping[str, Any]) -> ContainerState:
    """Read the ``State`` of an inspect document of Docker or Podman.

    Raises:
        EngineError: The document is not one of those.
    """
    try:
        state = document["State"]
        status = ContainerStatus(state["Status"])
        running = bool(state["Running"])
        ended = not running and parse_timestamp(state.get("FinishedAt", "")) is not None
        return ContainerState(
            status=status,
            running=running,
            exit_code=int(state["ExitCode"]) if ended else None,
            oom_killed=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            pid=int(state.get("Pid") or 0),
            started_at=parse_timestamp(state.get("StartedAt", "")),
            finished_at=parse_timestamp(state.get("FinishedAt", "")),
            health=_health(state.get("Health") or state.get("Healthcheck") or {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError(f"the engine described a container in a way that cannot be read: {error!r}") from error


def never_probed(state: ContainerState, check: HealthCheck | None, waited: timedelta) -> bool:
    """Whether the engine should have run a container's health check after so long a time, and has not."""
    if check is None or not state.running or state.health.probes:
        return False
    return waited > (check.interval or _INTERVAL) + (check.timeout or _TIMEOUT) + _GRACE


def parse_addresses(document: Mapping[str, Any]) -> dict[Port, tuple[str, int]]:
    """Which address and port of the engine's host each published port is reached at."""
    ports = (document.get("NetworkSettings") or {}).get("Ports") or {}
    return {
        Port.parse(port): (str(bindings[0]["HostIp"]), int(bindings[0]["HostPort"]))
        for port, bindings in ports.items()
        if bindings
    }


def parse_health_check(document: Mapping[str, Any]) -> HealthCheck | None:
    """Read the health check that an inspect document's ``Config`` holds; None when it holds nothing to run."""
    found = (document.get("Config") or {}).get("Healthcheck")
    if not found or not found.get("Test"):
        return None
    durations = {name: timedelta(microseconds=found[name] / 1000) if found.get(name) else None for name in _DURATIONS}
    return HealthCheck(
        test=tuple(found["Test"]),
        interval=durations["Interval"],
        timeout=durations["Timeout"],
        start_period=durations["StartPeriod"],
        start_interval=durations["StartInterval"],
        retries=found.get("Retries") or None,
    )


def _health(document: Mapping[str, Any]) -> Health:
    return Health(
        HealthStatus(document.get("Status") or HealthStatus.NONE),
        int(document.get("FailingStreak") or 0),
        tuple(
            HealthProbe(
                parse_timestamp(probe.get("Start", "")),
                parse_timestamp(probe.get("End", "")),
                int(probe["ExitCode"]),
                str(probe.get("Output") or ""),
            )
            for probe in document.get("Log") or ()
        ),
    )
