"""The newest samples as Prometheus metrics, as text and as JSON.

The metrics are made from what the monitor knows when they are asked for, so nothing stays behind of a session that
ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector

from resource_monitor import SERVICE, __version__
from resource_monitor.models import Measurement, Metric, Metrics, MetricSample
from resource_monitor.monitor import Monitor

_PREFIX = "rdp_monitor"
_HOST = "host"


@dataclass(frozen=True, slots=True)
class _Gauge:
    """One metric that every measurement has."""

    name: str
    help: str
    value: Callable[[Measurement], float]


_GAUGES = (
    _Gauge("cpu_percent", "Share of all processors' time.", lambda m: m.sample.cpu_percent),
    _Gauge("memory_bytes", "Resident memory.", lambda m: m.sample.memory_bytes),
    _Gauge("memory_percent", "Resident memory as a share of the machine's.", lambda m: m.sample.memory_percent),
    _Gauge("disk_bytes", "Space in use on the file system.", lambda m: m.sample.disk_bytes),
    _Gauge("disk_percent", "Space in use as a share.", lambda m: m.sample.disk_percent),
    _Gauge("network_bytes_in", "Bytes received since the network came up.", lambda m: m.sample.network_bytes_in),
    _Gauge("network_bytes_out", "Bytes sent since the network came up.", lambda m: m.sample.network_bytes_out),
    _Gauge("network_packets_in", "Packets received since the network came up.", lambda m: m.sample.network_packets_in),
    _Gauge("network_packets_out", "Packets sent since the network came up.", lambda m: m.sample.network_packets_out),
    _Gauge("network_rate", "Traffic in and out, in bytes per second.", lambda m: m.network_rate),
    _Gauge("active_connections", "Established TCP connections.", lambda m: m.sample.active_connections),
    _Gauge("process_count", "Processes that are alive.", lambda m: m.sample.process_count),
    _Gauge("sample_timestamp_seconds", "When this was measured.", lambda m: m.sample.timestamp.timestamp()),
)


class MonitorCollector(Collector):
    """Gives Prometheus what the monitor knows."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[MetricFamily]:
        """Make the metrics."""
        health = self._monitor.health()
        yield InfoMetricFamily(_PREFIX, "The service.", {"service": SERVICE, "version": __version__})
        yield GaugeMetricFamily(f"{_PREFIX}_active_sessions", "Sessions being monitored.", health.active_sessions)
        reachable = GaugeMetricFamily(f"{_PREFIX}_dependency_reachable", "1 if reachable.", labels=["dependency"])
        for dependency in health.dependencies:
            reachable.add_metric([dependency.name], dependency.reachable)
        yield reachable
        measured = {_HOST: self._monitor.host} | {str(s.session_id): s.newest for s in self._monitor.sessions}
        for gauge in _GAUGES:
            family = GaugeMetricFamily(f"{_PREFIX}_{gauge.name}", gauge.help, labels=["session"])
            for session, measurement in measured.items():
                family.add_metric([session], gauge.value(measurement))
            yield family
        alerts = GaugeMetricFamily(f"{_PREFIX}_alerts", "Thresholds exceeded now.", labels=["session"])
        for session, measurement in measured.items():
            alerts.add_metric([session], self._monitor.alert_count(measurement))
        yield alerts


def registry_of(monitor: Monitor) -> CollectorRegistry:
    """Make the registry: the monitor's metrics, and those of the service's own process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MonitorCollector(monitor))
    ProcessCollector(registry=registry)
    return registry


def as_text(registry: CollectorRegistry) -> bytes:
    """Give the metrics in Prometheus's text format 0.0.4."""
    return generate_latest(registry)


def as_json(registry: CollectorRegistry) -> Metrics:
    """Give the same metrics for JSON."""
    metrics = [
        Metric(
            name=family.name,
            type=family.type,
            help=family.documentation,
            samples=[MetricSample(name=s.name, labels=dict(s.labels), value=s.value) for s in family.samples],
        )
        for family in registry.collect()
    ]
    return Metrics(timestamp=datetime.now(UTC), metrics=metrics)
