from __future__ import annotations

from image_harness.engine import failures_before
from image_harness.engine.state import Health, HealthProbe, HealthStatus


def health(*exit_codes: int) -> Health:
    probes = tuple(HealthProbe(None, None, exit_code, "") for exit_code in exit_codes)
    return Health(HealthStatus.UNHEALTHY, 0, probes)


def test_failures_are_counted_back_to_the_last_success() -> None:
    assert failures_before(health(0, 1, 0, 1, 1, -1)) == 3


def test_no_failure_after_a_success() -> None:
    assert failures_before(health(1, 1, 0)) == 0
