"""A service that is made to hang, as its health check sees it.

Stopping the process is not enough: the kernel goes on completing connections for it until the queue of those that wait
to be accepted is full (listen(2)), and a probe that only connects is content with that. So the queue is filled too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from image_harness.engine.container import Container
from image_harness.engine.errors import WaitExpired
from image_harness.engine.state import Health, HealthStatus
from image_harness.engine.traffic import silent_clients
from image_harness.types import Port

# A service that goes on has all that has come meanwhile before it, and its first probes may fail.
_FORGIVING = 4
# More than the kernel lets any queue hold unless it is told otherwise (net.core.somaxconn).
_CLIENTS = 4096 + 128


@dataclass(frozen=True, slots=True)
class Stall:
    """What the engine made of a service that hung and went on.

    Attributes:
        unhealthy: Whether it called the container unhealthy.
        failures: How many probes had failed in a row when it did.
        recovered: Whether it called the container healthy again.
    """

    unhealthy: bool
    failures: int
    recovered: bool


def observe_stall(container: Container, port: Port, limit: timedelta) -> Stall:
    """Let a healthy service hang until it is unhealthy, then go on until it is healthy.

    Args:
        container: Its container, which the engine calls healthy.
        port: Where it listens.
        limit: How long to wait for each of the two.

    Raises:
        ContainerDied: It ended meanwhile.
        ContainerLost: Somebody else has paused it.
        EngineError: The engine failed.
    """
    address = container.address(port)
    container.signal("SIGSTOP")
    try:
        with silent_clients(address, _CLIENTS):
            unhealthy = _becomes(container, HealthStatus.UNHEALTHY, limit, answers=False)
    finally:
        container.signal("SIGCONT")
    # A pause looks like a hang to the probe under way, and ends with the signal that lets the service go on.
    container.require_never_paused()
    failures = failures_before(unhealthy) if unhealthy else 0
    recovered = _becomes(container, HealthStatus.HEALTHY, limit, answers=True) is not None
    return Stall(unhealthy is not None, failures, recovered)


def failures_before(health: Health) -> int:
    """How many of the probes on record failed one after the other up to the last of them."""
    count = 0
    for probe in reversed(health.probes):
        if probe.exit_code == 0:
            break
        count += 1
    return count


def _becomes(container: Container, status: HealthStatus, limit: timedelta, *, answers: bool) -> Health | None:
    try:
        health = container.wait_for_health(
            status, limit, answers=(lambda: True) if answers else None, forgiving=_FORGIVING
        ).health
    except WaitExpired:
        return None
    return health
