"""Compares measurements with thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from resource_monitor.config import Settings
from resource_monitor.models import Alert, AlertMetric, Measurement


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is too much: shares in percent, network traffic in bytes per second. Reaching one is not exceeding it."""

    cpu: float
    memory: float
    disk: float
    network: float

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        """Take the thresholds from the settings."""
        return cls(
            cpu=settings.cpu_threshold_percent,
            memory=settings.memory_threshold_percent,
            disk=settings.disk_threshold_percent,
            network=settings.network_threshold,
        )

    def exceeded(self, measurement: Measurement) -> list[Alert]:
        """Give an alert for each threshold that the measurement exceeds."""
        sample = measurement.sample
        compared = (
            (AlertMetric.CPU, sample.cpu_percent, self.cpu, "percent"),
            (AlertMetric.MEMORY, sample.memory_percent, self.memory, "percent"),
            (AlertMetric.DISK, sample.disk_percent, self.disk, "percent"),
            (AlertMetric.NETWORK, measurement.network_rate, self.network, "bytes per second"),
        )
        return [
            Alert(metric=metric, value=value, threshold=threshold, unit=unit)
            for metric, value, threshold, unit in compared
            if value > threshold
        ]
