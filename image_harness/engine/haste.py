"""Health checks that are over before a slow machine could have passed them.

An image's health check says in seconds how long a service may take to start and a probe to end, and the engine goes by
that on whatever machine it is. Where everything takes many times as long, a good service is called unhealthy, too.
"""

from __future__ import annotations

from datetime import timedelta

from image_harness.engine.clock import Clock
from image_harness.engine.errors import EngineError
from image_harness.engine.state import ContainerState, HealthProbe
from image_harness.types import HealthCheck

# The engines' own default.
_RETRIES = 3
_CUT_OFF = -1
# From here on, a probe that was cut off had less than half of the time that it was meant to have.
_MUCH_SLOWER = 2.0


def was_hasty(state: ContainerState, check: HealthCheck, answered_after: timedelta) -> bool:
    """Whether one of the probes that decided was made before the service answered.

    Args:
        state: The container's.
        check: The health check that the engine holds for it.
        answered_after: How long the service took to answer, from the container's start.
    """
    if state.started_at is None:
        return False
    answered_at = state.started_at + answered_after
    return any(probe.start is not None and probe.start < answered_at for probe in _decisive(state, check))


def require_time_enough(state: ContainerState, check: HealthCheck, answered_after: timedelta, clock: Clock) -> None:
    """Make sure that probes in vain tell something of the service: that the machine gave it and them their time.

    Args:
        state: A container's that the engine does not call healthy, or called otherwise before.
        check: The health check that the engine holds for it.
        answered_after: How long the service took to answer; no longer than the machine's slowness explains.
        clock: That slowness.

    Raises:
        EngineError: Of the probes that decided, one was made before the service answered, or cut off on a machine that
            is much slower than a native one.
    """
    if was_hasty(state, check, answered_after):
        raise EngineError(
            f"the service answered after {answered_after.total_seconds():.0f} s, and was probed in vain before: "
            "this machine is too slow for the health check's start period"
        )
    if clock.factor >= _MUCH_SLOWER and any(probe.exit_code == _CUT_OFF for probe in _decisive(state, check)):
        raise EngineError(
            f"a probe was cut off at its time limit, on a machine {clock.factor:.0f} times as slow as a native one"
        )


def _decisive(state: ContainerState, check: HealthCheck) -> list[HealthProbe]:
    failed = [probe for probe in state.health.probes if probe.exit_code != 0]
    return failed[-(check.retries or _RETRIES) :]
