"""The monitor: sessions, the measuring loop, and what is known of everything."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integration.siblings import Sibling
from integration.watch import SiblingWatch
from resource_monitor import SERVICE, __version__
from resource_monitor.alerts import Thresholds
from resource_monitor.archive import Archive
from resource_monitor.collector import Collector
from resource_monitor.config import Settings
from resource_monitor.errors import ErrorKind, ServiceError
from resource_monitor.history import merge
from resource_monitor.models import (
    Alerts,
    Collected,
    Dependency,
    Health,
    HealthStatus,
    History,
    HistorySource,
    Measurement,
    SessionState,
    SessionStatus,
    SessionSummary,
    StartRequest,
    Summary,
)
from resource_monitor.sampling import Host
from resource_monitor.sessions import Session, Sessions

_log = logging.getLogger(__name__)

_LATEST_PASS = timedelta(seconds=15)


class Monitor:
    """Measures sessions and the host, and answers what is asked about them.

    Nothing is started before ``run``; all methods belong to one event loop.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thresholds = Thresholds.of(settings)
        self._sessions = Sessions(settings.max_concurrent_sessions)
        self._collector = Collector(settings.disk_path or Path("/"))
        self._archive = Archive(settings)
        self._siblings = SiblingWatch(
            [Sibling(name, address) for name, address in settings.siblings.items()], settings.monitoring_interval
        )
        self._host = Host()
        self._host_newest: Measurement | None = None
        self._pass: asyncio.Task[Collected] | None = None

    @property
    def ready(self) -> bool:
        """Whether the host was measured once: from then on everything can be answered."""
        return self._host_newest is not None

    @property
    def host(self) -> Measurement:
        """The newest measurement of the host."""
        if self._host_newest is None:
            raise ServiceError(ErrorKind.NOT_READY, "the service is still starting")
        return self._host_newest

    @property
    def sessions(self) -> Sessions:
        """The sessions that are monitored."""
        return self._sessions

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure_always())
            tasks.create_task(self._archive.run())
            tasks.create_task(self._siblings.run())

    async def close(self) -> None:
        """Let go of everything outside the process."""
        self._collector.close()
        await asyncio.gather(self._archive.close(), self._siblings.close())

    async def start(self, request: StartRequest) -> SessionState:
        """Start to monitor a session; it has its first sample when this returns.

        Raises:
            ServiceError: It is monitored already, or there is no place for it.
        """
        session = Session(request.session_id, request.session_config.pids, self._settings.metrics_history_limit)
        with self._sessions.starting(session):
            self._record(session, await self._collector.measure_first(session.subject))
        _log.info("session %s started, %d processes named", session.session_id, len(session.pids))
        return session.state(SessionStatus.MONITORING)

    def stop(self, session_id: str) -> SessionState:
        """Stop to monitor a session.

        Raises:
            ServiceError: There is none.
        """
        session = self._sessions.remove(session_id)
        _log.info("session %s stopped after %d samples", session.session_id, len(session.history))
        return session.state(SessionStatus.STOPPED)

    async def history(self, session_id: str, hours: int) -> History:
        """Give a session's samples of the last hours.

        Raises:
            ServiceError: There is no such session.
        """
        session = self._sessions.get(session_id)
        since = datetime.now(UTC) - timedelta(hours=hours)
        stored = await self._archive.history(session.session_id, since)
        # The newest samples may still be on their way to the store.
        samples = merge(session.history.since(since), stored or ())
        source = HistorySource.MEMORY if stored is None else HistorySource.MONGODB
        return History(session_id=session.session_id, hours=hours, source=source, samples=samples)

    def alerts(self, session_id: str) -> Alerts:
        """Give the thresholds that a session exceeds now.

        Raises:
            ServiceError: There is no such session.
        """
        session = self._sessions.get(session_id)
        newest = session.newest
        return Alerts(
            session_id=session.session_id,
            timestamp=newest.sample.timestamp,
            alerts=self._thresholds.exceeded(newest),
        )

    async def collect(self) -> Collected:
        """Measure the host and all sessions now. Requests that come during a pass share it."""
        if self._pass is None or self._pass.done():
            self._pass = asyncio.create_task(self._measure_all())
        return await asyncio.shield(self._pass)

    def summary(self) -> Summary:
        """Give the newest of the host, all sessions and all siblings."""
        sessions = [
            SessionSummary(
                session_id=session.session_id,
                started_at=session.started_at,
                sample=session.newest.sample,
                alerts=self._thresholds.exceeded(session.newest),
            )
            for session in self._sessions
        ]
        return Summary(
            timestamp=datetime.now(UTC),
            host=self.host.sample,
            active_sessions=len(sessions),
            sessions=sessions,
            siblings=self._sibling_dependencies(),
        )

    def health(self) -> Health:
        """Tell how the service is, from what is known already."""
        dependencies = [self._sampler(), *self._archive.dependencies, *self._sibling_dependencies()]
        missing = [dependency.name for dependency in dependencies if not dependency.reachable]
        return Health(
            status=HealthStatus.DEGRADED if missing else HealthStatus.HEALTHY,
            service=SERVICE,
            version=__version__,
            active_sessions=len(self._sessions),
            timestamp=datetime.now(UTC),
            missing=missing,
            dependencies=dependencies,
        )

    def alert_count(self, measurement: Measurement) -> int:
        """Count the thresholds that a measurement exceeds."""
        return len(self._thresholds.exceeded(measurement))

    async def _measure_always(self) -> None:
        interval = self._settings.monitoring_interval.total_seconds()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                await self._measure_in_turn()
            except Exception:  # noqa: BLE001 - measuring goes on, whatever one pass ran into
                _log.exception("a measuring pass failed; the next one comes in its turn")
            # From the moment that was due, not from now, so that the samples keep their distance.
            due = max(due + interval, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _measure_in_turn(self) -> None:
        if self.ready:
            await self.collect()
        else:
            self._host_newest = await self._collector.measure_first(self._host)
            self._archive.add(self._host_newest.sample)

    async def _measure_all(self) -> Collected:
        sessions = list(self._sessions)
        host, *measurements = await self._collector.measure([self._host, *(session.subject for session in sessions)])
        self._host_newest = host
        self._archive.add(host.sample)
        for session, measurement in zip(sessions, measurements, strict=True):
            self._record(session, measurement)
        return Collected(
            timestamp=host.sample.timestamp,
            host=host.sample,
            samples=[measurement.sample for measurement in measurements],
        )

    def _record(self, session: Session, measurement: Measurement) -> None:
        session.record(measurement)
        self._archive.add(measurement.sample)

    def _sampler(self) -> Dependency:
        age = datetime.now(UTC) - self.host.sample.timestamp
        late = age > self._settings.monitoring_interval + _LATEST_PASS
        return Dependency(name="sampler", reachable=not late, problem="samples are overdue" if late else None)

    def _sibling_dependencies(self) -> list[Dependency]:
        return [
            Dependency(name=state.name, reachable=state.problem is None, problem=state.problem)
            for state in self._siblings.states
        ]
