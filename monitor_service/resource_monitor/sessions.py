"""The sessions that are monitored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from resource_monitor.errors import ErrorKind, ServiceError
from resource_monitor.history import SampleHistory
from resource_monitor.models import Measurement, SessionState, SessionStatus
from resource_monitor.sampling import Subject, subject_of


class Session:
    """One monitored session.

    Attributes:
        session_id: Whose it is.
        pids: The processes that it named.
        started_at: When monitoring began, in UTC.
        subject: What is measured; the sampling thread's own.
        history: Its newest samples.
    """

    def __init__(self, session_id: UUID, pids: list[int], history_limit: int) -> None:
        self.session_id = session_id
        self.pids = pids
        self.started_at = datetime.now(UTC)
        self.subject: Subject = subject_of(session_id, pids)
        self.history = SampleHistory(history_limit)
        self._newest: Measurement | None = None

    @property
    def newest(self) -> Measurement:
        """The newest measurement; every session that is known has one."""
        assert self._newest is not None, "a session is measured before it is known"
        return self._newest

    def record(self, measurement: Measurement) -> None:
        """Add the newest measurement."""
        self._newest = measurement
        self.history.add(measurement.sample)

    def state(self, status: SessionStatus) -> SessionState:
        """Tell where the session stands."""
        return SessionState(session_id=self.session_id, status=status, started_at=self.started_at, pids=self.pids)


class Sessions:
    """The sessions by id, no more than a limit at the same time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sessions: dict[UUID, Session] = {}
        self._starting: set[UUID] = set()

    @contextmanager
    def starting(self, session: Session) -> Iterator[None]:
        """Hold a place for a session while it is measured for the first time; it is known once that went well.

        Raises:
            ServiceError: It is known or about to be, or there is no place.
        """
        session_id = session.session_id
        if session_id in self._sessions or session_id in self._starting:
            raise ServiceError(ErrorKind.SESSION_EXISTS, f"session {session_id} is monitored already")
        if len(self) + len(self._starting) >= self._limit:
            raise ServiceError(ErrorKind.TOO_MANY_SESSIONS, f"{self._limit} sessions are monitored, the most allowed")
        self._starting.add(session_id)
        try:
            yield
            self._sessions[session_id] = session
        finally:
            self._starting.discard(session_id)

    def get(self, session_id: str) -> Session:
        """Find a session by its id, in any of the spellings of a UUID.

        Raises:
            ServiceError: There is none.
        """
        try:
            return self._sessions[UUID(session_id)]
        except (ValueError, KeyError):
            raise ServiceError(ErrorKind.SESSION_NOT_FOUND, "no such session is monitored") from None

    def remove(self, session_id: str) -> Session:
        """Forget a session.

        Raises:
            ServiceError: There is none.
        """
        session = self.get(session_id)
        del self._sessions[session.session_id]
        return session

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)
