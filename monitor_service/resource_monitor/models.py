"""What is measured and what is sent over HTTP."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

_LONGEST_PID_LIST = 1024
_HIGHEST_PID = 2**22

Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured of one session, or of the host, at one moment.

    Attributes:
        session_id: The session; none for the host.
        timestamp: When, in UTC, to the millisecond.
        cpu_percent: Share of all processors' time since the sample before.
        memory_bytes: Resident memory in use.
        memory_percent: The same as a share of the machine's memory.
        disk_bytes: Space in use on the measured file system.
        disk_percent: The same as a share of the space that ordinary users can have.
        network_bytes_in: Bytes received since the network came up, loopback left out. The kernel keeps no such count
            for a process, so a session's network figures are those of the monitor's network namespace.
        network_bytes_out: Bytes sent, likewise.
        network_packets_in: Packets received, likewise.
        network_packets_out: Packets sent, likewise.
        active_connections: TCP connections that are established.
        process_count: Processes that are alive.
    """

    session_id: UUID | None
    timestamp: datetime
    cpu_percent: Percent
    memory_bytes: Count
    memory_percent: Percent
    disk_bytes: Count
    disk_percent: Percent
    network_bytes_in: Count
    network_bytes_out: Count
    network_packets_in: Count
    network_packets_out: Count
    active_connections: Count
    process_count: Count


@dataclass(frozen=True, slots=True)
class Measurement:
    """A sample, and what only two samples together can tell.

    Attributes:
        sample: The sample.
        network_rate: Traffic in and out since the sample before, in bytes per second.
    """

    sample: Sample
    network_rate: float


class AlertMetric(enum.StrEnum):
    """What a threshold is set for."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"


class Alert(BaseModel):
    """A threshold that is exceeded."""

    metric: AlertMetric
    value: float
    threshold: float
    unit: str = Field(examples=["percent", "bytes per second"])


class SessionConfig(BaseModel):
    """What a session consists of. Keys that are not named here are the caller's own and are passed over."""

    model_config = ConfigDict(extra="ignore")

    pids: list[Annotated[PositiveInt, Field(le=_HIGHEST_PID, strict=True)]] = Field(
        default_factory=list,
        max_length=_LONGEST_PID_LIST,
        description="The processes at the roots of the session; the host is measured where none is named.",
    )


class StartRequest(BaseModel):
    """Asks for a session to be monitored."""

    model_config = ConfigDict(extra="forbid")

    session_id: UUID
    session_config: SessionConfig = Field(default_factory=SessionConfig)


class SessionStatus(enum.StrEnum):
    """Where a session stands."""

    MONITORING = "monitoring"
    STOPPED = "stopped"


class SessionState(BaseModel):
    """A session that was started or stopped."""

    session_id: UUID
    status: SessionStatus
    started_at: datetime
    pids: list[int]


class HealthStatus(enum.StrEnum):
    """How the service is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"


class Dependency(BaseModel):
    """Another service that was configured."""

    name: str
    reachable: bool
    problem: str | None = Field(description="Why it is not reachable.")


class Health(BaseModel):
    """How the service is, and what it misses."""

    status: HealthStatus
    service: str
    version: str
    active_sessions: Count
    timestamp: datetime
    missing: list[str] = Field(description="What is configured and not reachable now; the service goes on without it.")
    dependencies: list[Dependency]


class HistorySource(enum.StrEnum):
    """Where a history was read."""

    MEMORY = "memory"
    MONGODB = "mongodb"


class History(BaseModel):
    """A session's samples of a window of time, oldest first."""

    session_id: UUID
    hours: int
    source: HistorySource
    samples: list[Sample]


class Alerts(BaseModel):
    """The thresholds that a session exceeds now."""

    session_id: UUID
    timestamp: datetime
    alerts: list[Alert]


class SessionSummary(BaseModel):
    """One session in the summary."""

    session_id: UUID
    started_at: datetime
    sample: Sample
    alerts: list[Alert]


class Summary(BaseModel):
    """The host and all sessions together."""

    timestamp: datetime
    host: Sample
    active_sessions: Count
    sessions: list[SessionSummary]
    siblings: list[Dependency]


class Collected(BaseModel):
    """The samples that were just taken."""

    timestamp: datetime
    host: Sample
    samples: list[Sample]


class MetricSample(BaseModel):
    """One value of a metric."""

    name: str
    labels: dict[str, str]
    value: float


class Metric(BaseModel):
    """One metric, as Prometheus has it."""

    name: str
    type: str
    help: str
    samples: list[MetricSample]


class Metrics(BaseModel):
    """The same metrics as in the Prometheus text."""

    timestamp: datetime
    metrics: list[Metric]


class ErrorDetail(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(examples=["body.session_id"])
    problem: str


class ErrorBody(BaseModel):
    """Every error that the service answers with."""

    error: str = Field(description="What kind of error, for programs.", examples=["session_not_found"])
    message: str = Field(description="What is wrong, for people.")
    details: list[ErrorDetail]
