"""Events of an engine whose clock is ahead of this machine's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from image_harness.engine import Health, HealthProbe, HealthStatus
from image_harness.engine.event_log import EventLog
from image_harness.engine.health import HealthView
from image_harness.engine_client import Client
from tests.engine.states import running

SECOND = timedelta(seconds=1)


class EngineAhead(BaseAdapter):
    """Tells of one event, which was half a second from now by this machine's clock, to who asks for that time."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime.now(UTC) + SECOND / 2
        self.until: list[float] = []

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        asked = parse_qs(urlsplit(request.url or "").query)
        # Without a stream it tells what it knows by now.
        assert ("until" in asked) is (asked.get("stream") != ["false"])
        self.until.append(float(asked["until"][0]) if "until" in asked else time.time())
        event = {
            "Action": "health_status: healthy",
            "timeNano": int(self.at.timestamp() * 1e9),
            "Actor": {"ID": "id", "Attributes": {}},
        }
        response = Response()
        response.status_code = 200
        response.headers["Date"] = formatdate(usegmt=True)
        response.raw = BytesIO(json.dumps(event).encode() if self.until[-1] >= self.at.timestamp() else b"")
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def ahead() -> EngineAhead:
    return EngineAhead()


@pytest.fixture
def client(ahead: EngineAhead) -> Iterator[Client]:
    client = Client(base_url="http://engine:2375", version="1.45")
    client.mount("http://", ahead)
    yield client
    client.close()


def test_the_event_of_what_the_engine_says_was_just_now_is_waited_for(client: Client, ahead: EngineAhead) -> None:
    since = ahead.at - 5 * SECOND
    assert EventLog(client, "id", "name").read(["health_status"], since) == []
    assert len(EventLog(client, "id", "name").read(["health_status"], since, including=ahead.at)) == 1


def test_an_engine_that_hurries_is_asked_once_the_event_must_be_there(client: Client, ahead: EngineAhead) -> None:
    log = EventLog(client, "id", "name", hurries=True)
    since = ahead.at - 5 * SECOND
    assert log.read(["health_status"], since) == []
    assert len(log.read(["health_status"], since, including=ahead.at)) == 1


def test_nobody_waits_for_a_clock_that_was_set(client: Client, ahead: EngineAhead) -> None:
    EventLog(client, "id", "name").read(["kill"], ahead.at, including=ahead.at + timedelta(hours=1))
    assert ahead.until[-1] - time.time() < 10


def test_a_state_that_has_no_event_yet_is_asked_for_again(client: Client, ahead: EngineAhead) -> None:
    probe = HealthProbe(ahead.at - SECOND, ahead.at, 0, "")
    state = running(Health(HealthStatus.HEALTHY, 0, (probe,)), ahead.at - 5 * SECOND)
    view = HealthView(EventLog(client, "id", "name"), "name", state=lambda: state)
    assert view.timeline().statuses == (HealthStatus.STARTING, HealthStatus.HEALTHY)
    assert len(ahead.until) == 2
