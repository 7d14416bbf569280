"""Sessions are known once they are measured, and are no more than allowed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from resource_monitor.errors import ErrorKind, ServiceError
from resource_monitor.models import Measurement, Sample, SessionStatus
from resource_monitor.sessions import Session, Sessions


def _session(session_id: UUID | None = None) -> Session:
    session = Session(session_id or uuid4(), [], history_limit=2)
    session.record(Measurement(Sample(session.session_id, datetime.now(UTC), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0))
    return session


def _started(sessions: Sessions, session_id: UUID | None = None) -> Session:
    session = _session(session_id)
    with sessions.starting(session):
        pass
    return session


def _refused(sessions: Sessions, session: Session) -> ErrorKind:
    with pytest.raises(ServiceError) as caught, sessions.starting(session):
        pass
    return caught.value.kind


def test_a_started_session_is_found_in_every_spelling_of_its_id() -> None:
    sessions = Sessions(1)
    session = _started(sessions)
    assert sessions.get(str(session.session_id)) is session
    assert sessions.get(str(session.session_id).upper()) is session
    assert sessions.get(session.session_id.hex) is session


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-000000000000", "", "nonsense", "7" * 5000])
def test_any_other_id_is_not_found(session_id: str) -> None:
    sessions = Sessions(1)
    _started(sessions)
    with pytest.raises(ServiceError) as caught:
        sessions.get(session_id)
    assert caught.value.kind is ErrorKind.SESSION_NOT_FOUND


def test_a_session_cannot_be_started_twice() -> None:
    sessions = Sessions(5)
    session = _started(sessions)
    assert _refused(sessions, _session(session.session_id)) is ErrorKind.SESSION_EXISTS


def test_a_session_cannot_be_started_while_it_is_being_started() -> None:
    sessions = Sessions(5)
    session = _session()
    with sessions.starting(session):
        assert _refused(sessions, session) is ErrorKind.SESSION_EXISTS


def test_a_session_that_is_being_started_is_not_known_and_takes_a_place() -> None:
    sessions = Sessions(1)
    session = _session()
    with sessions.starting(session):
        assert len(sessions) == 0
        with pytest.raises(ServiceError):
            sessions.get(str(session.session_id))
        assert _refused(sessions, _session()) is ErrorKind.TOO_MANY_SESSIONS
    assert len(sessions) == 1


def test_the_last_place_can_be_had_and_no_more() -> None:
    sessions = Sessions(2)
    _started(sessions)
    _started(sessions)
    assert _refused(sessions, _session()) is ErrorKind.TOO_MANY_SESSIONS


def test_a_start_that_fails_gives_its_place_back() -> None:
    sessions = Sessions(1)
    session = _session()
    with pytest.raises(RuntimeError), sessions.starting(session):
        raise RuntimeError
    assert len(sessions) == 0
    _started(sessions, session.session_id)


def test_a_removed_session_is_unknown_and_can_be_started_again() -> None:
    sessions = Sessions(1)
    session = _started(sessions)
    assert sessions.remove(str(session.session_id)) is session
    assert list(sessions) == []
    with pytest.raises(ServiceError):
        sessions.remove(str(session.session_id))
    _started(sessions, session.session_id)


def test_sessions_may_end_while_they_are_gone_through() -> None:
    sessions = Sessions(2)
    _started(sessions)
    _started(sessions)
    for session in sessions:
        sessions.remove(str(session.session_id))
    assert len(sessions) == 0


def test_the_newest_measurement_is_kept_and_the_history_is_bounded() -> None:
    session = _session()
    for value in range(4):
        sample = Sample(session.session_id, datetime.now(UTC), value, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        session.record(Measurement(sample, 0))
    assert session.newest.sample.cpu_percent == 3
    assert len(session.history) == 2


def test_a_state_tells_what_was_asked_for() -> None:
    session = Session(uuid4(), [7], history_limit=2)
    state = session.state(SessionStatus.STOPPED)
    assert (state.session_id, state.status, state.pids) == (session.session_id, SessionStatus.STOPPED, [7])
