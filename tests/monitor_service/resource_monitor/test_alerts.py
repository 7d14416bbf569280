"""Thresholds are exceeded, not reached, and traffic is compared as a rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resource_monitor.alerts import Thresholds
from resource_monitor.config import Settings
from resource_monitor.models import AlertMetric, Measurement, Sample

_QUIET = Sample(None, datetime.now(UTC), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_THRESHOLDS = Thresholds(cpu=80, memory=80, disk=90, network=1000)


def _with(field: str, value: float) -> Sample:
    changes: dict[str, Any] = {field: value}
    return replace(_QUIET, **changes)


def test_nothing_is_exceeded_at_rest() -> None:
    assert _THRESHOLDS.exceeded(Measurement(_QUIET, 0)) == []


@pytest.mark.parametrize(
    ("field", "metric", "threshold"),
    [
        ("cpu_percent", AlertMetric.CPU, 80),
        ("memory_percent", AlertMetric.MEMORY, 80),
        ("disk_percent", AlertMetric.DISK, 90),
    ],
)
def test_a_share_above_its_threshold_is_an_alert(field: str, metric: AlertMetric, threshold: float) -> None:
    def exceeded(value: float) -> list[tuple[AlertMetric, float, float, str]]:
        alerts = _THRESHOLDS.exceeded(Measurement(_with(field, value), 0))
        return [(alert.metric, alert.value, alert.threshold, alert.unit) for alert in alerts]

    assert exceeded(threshold) == []
    assert exceeded(threshold + 0.01) == [(metric, threshold + 0.01, threshold, "percent")]


def test_traffic_is_judged_by_its_rate_not_by_its_total() -> None:
    heavy = replace(_QUIET, network_bytes_in=10**15, network_bytes_out=10**15)
    assert _THRESHOLDS.exceeded(Measurement(heavy, 1000)) == []
    (alert,) = _THRESHOLDS.exceeded(Measurement(_QUIET, 1000.5))
    assert (alert.metric, alert.unit) == (AlertMetric.NETWORK, "bytes per second")


def test_the_settings_give_the_thresholds() -> None:
    settings = Settings(
        cpu_threshold_percent=1,
        memory_threshold_percent=2,
        disk_threshold_percent=3,
        network_threshold_mb=4,
        monitoring_interval=timedelta(seconds=2),
    )
    assert Thresholds.of(settings) == Thresholds(cpu=1, memory=2, disk=3, network=2_000_000)
