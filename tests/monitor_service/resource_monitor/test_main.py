"""The application as its callers see it, within the tests' own process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Response

from common.addresses import ServiceAddress
from resource_monitor.collector import Collector
from resource_monitor.config import Settings
from resource_monitor.main import create_app
from resource_monitor.sampling import Host
from tests.monitor_service.support import TestClient, eventually, free_port

_START = "/api/v1/monitoring/start"
_UNKNOWN = "6a1c1c7e-4b0f-4d53-9d0e-3c1a5a0c9f11"
_READY_PATHS = [
    ("GET", "/health"),
    ("POST", _START),
    ("POST", f"/api/v1/monitoring/sessions/{_UNKNOWN}/stop"),
    ("GET", f"/api/v1/monitoring/sessions/{_UNKNOWN}/metrics"),
    ("GET", f"/api/v1/monitoring/sessions/{_UNKNOWN}/history"),
    ("GET", f"/api/v1/monitoring/sessions/{_UNKNOWN}/alerts"),
    ("GET", "/api/v1/monitoring/summary"),
    ("POST", "/api/v1/monitoring/collect"),
    ("GET", "/api/v1/metrics"),
    ("GET", "/api/v1/metrics/summary"),
]


@contextmanager
def _application(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: settings), raise_server_exceptions=False) as client:
        eventually(lambda: client.get("/health").status_code == 200)
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """One application for the tests that leave no session behind."""
    with _application(Settings(monitoring_interval=timedelta(seconds=600))) as client:
        yield client


def _start(client: TestClient) -> str:
    session_id = str(uuid4())
    answer = client.post(_START, json={"session_id": session_id})
    assert answer.status_code == 200, answer.text
    return session_id


@pytest.fixture
def session(client: TestClient) -> Iterator[str]:
    session_id = _start(client)
    yield session_id
    client.post(f"/api/v1/monitoring/sessions/{session_id}/stop")


def _error(answer: Response, status: int, error: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["error"]) == (status, error), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert sorted(body) == ["details", "error", "message"]
    assert body["message"]
    return body


def test_health_tells_of_the_service(client: TestClient) -> None:
    body = client.get("/health").json()
    assert (body["status"], body["service"], body["version"]) == ("healthy", "rdp-monitor", "1.0.0")
    assert (body["active_sessions"], body["missing"]) == (0, [])
    assert datetime.fromisoformat(body["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(("method", "path"), _READY_PATHS)
def test_nothing_is_answered_before_the_host_was_measured(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    async def never(*_: object) -> None:
        raise OSError("not today")

    monkeypatch.setattr(Collector, "measure_first", never)
    with TestClient(create_app(Settings)) as client:
        body = {"session_id": str(uuid4()), "session_config": {}} if path == _START else None
        answer = client.request(method, path, json=body)
        _error(answer, 503, "not_ready")
        assert answer.headers["retry-after"] == "1"


def test_an_application_that_was_not_started_is_not_ready() -> None:
    _error(TestClient(create_app(Settings)).get("/health"), 503, "not_ready")


def test_a_session_goes_through_its_life(client: TestClient) -> None:
    session_id = str(uuid4())
    base = f"/api/v1/monitoring/sessions/{session_id}"
    begun = client.post(_START, json={"session_id": session_id, "session_config": {"pids": [1]}})
    assert begun.json() | {"started_at": None} == {
        "session_id": session_id,
        "status": "monitoring",
        "started_at": None,
        "pids": [1],
    }
    assert client.get("/health").json()["active_sessions"] == 1
    sample = client.get(f"{base}/metrics").json()
    assert sample["session_id"] == session_id
    assert sample["process_count"] >= 1
    assert client.get(f"{base}/history").json()["samples"] == [sample]
    assert client.get(f"{base}/alerts").json()["timestamp"] == sample["timestamp"]
    assert client.post(f"{base}/stop").json()["status"] == "stopped"
    assert client.get("/health").json()["active_sessions"] == 0
    for method, path in (("GET", "metrics"), ("GET", "history"), ("GET", "alerts"), ("POST", "stop")):
        _error(client.request(method, f"{base}/{path}"), 404, "session_not_found")


def test_the_configuration_may_be_left_out(client: TestClient) -> None:
    session_id = str(uuid4())
    assert client.post(_START, json={"session_id": session_id}).status_code == 200
    assert client.post(f"/api/v1/monitoring/sessions/{session_id}/stop").status_code == 200


@pytest.mark.parametrize("session_id", [_UNKNOWN, "nonsense", "0", "%2e%2e", "a" * 2000])
@pytest.mark.parametrize(
    ("method", "action"), [("GET", "metrics"), ("GET", "history"), ("GET", "alerts"), ("POST", "stop")]
)
def test_an_unknown_session_is_404(client: TestClient, method: str, action: str, session_id: str) -> None:
    _error(client.request(method, f"/api/v1/monitoring/sessions/{session_id}/{action}"), 404, "session_not_found")


@pytest.mark.parametrize("path", ["/", "/nope", "/health/", "/docs", "/api/v1/monitoring", "/api/v1/metrics/"])
def test_an_unknown_route_is_404(client: TestClient, path: str) -> None:
    _error(client.get(path), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), _READY_PATHS)
def test_another_method_is_405_and_the_right_one_is_named(client: TestClient, method: str, path: str) -> None:
    for other in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - {method}:
        answer = client.request(other, path)
        _error(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == method


def test_a_session_started_twice_is_409(client: TestClient, session: str) -> None:
    _error(client.post(_START, json={"session_id": session.upper()}), 409, "session_exists")


def test_one_session_more_than_allowed_is_429() -> None:
    with _application(Settings(max_concurrent_sessions=2)) as client:
        first = _start(client)
        _start(client)
        _error(client.post(_START, json={"session_id": str(uuid4())}), 429, "too_many_sessions")
        client.post(f"/api/v1/monitoring/sessions/{first}/stop")
        _start(client)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "text",
        {"session_id": "nonsense"},
        {"session_id": 5},
        {"session_id": None},
        {"session_config": {}},
        {"session_id": str(uuid4()), "session_config": None},
        {"session_id": str(uuid4()), "session_config": []},
        {"session_id": str(uuid4()), "session_config": {"pids": 1}},
        {"session_id": str(uuid4()), "session_config": {"pids": ["1"]}},
        {"session_id": str(uuid4()), "session_config": {"pids": [0]}},
        {"session_id": str(uuid4()), "session_config": {"pids": [-1]}},
        {"session_id": str(uuid4()), "session_config": {"pids": [2**22 + 1]}},
        {"session_id": str(uuid4()), "session_config": {"pids": [True]}},
        {"session_id": str(uuid4()), "session_config": {"pids": [1.5]}},
        {"session_id": str(uuid4()), "session_config": {"pids": [1] * 1025}},
        {"session_id": str(uuid4()), "session_configuration": {}},
    ],
)
def test_a_malformed_body_is_422_and_the_place_is_named(client: TestClient, body: object) -> None:
    details = _error(client.post(_START, json=body), 422, "invalid_request")["details"]
    assert details
    assert all(detail["where"].startswith("body") and detail["problem"] for detail in details)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b"NaN", b"{}}"])
def test_a_body_that_is_no_json_is_422(client: TestClient, content: bytes) -> None:
    _error(client.post(_START, content=content, headers={"content-type": "application/json"}), 422, "invalid_request")


def test_what_was_sent_is_not_repeated_in_an_error(client: TestClient) -> None:
    answer = client.post(_START, json={"session_id": "hunter2", "session_config": {"pids": ["hunter2"]}})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413(client: TestClient, chunked: bool) -> None:
    content = json.dumps({"session_id": str(uuid4()), "session_config": {"x": "y" * 70_000}}).encode()
    body = iter([content[:50_000], content[50_000:]]) if chunked else content
    answer = client.post(_START, content=body, headers={"content-type": "application/json"})
    _error(answer, 413, "request_entity_too_large")


@pytest.mark.parametrize("hours", ["0", "25", "-1", "1.5", "x", ""])
def test_hours_out_of_range_are_422(client: TestClient, session: str, hours: str) -> None:
    answer = client.get(f"/api/v1/monitoring/sessions/{session}/history", params={"hours": hours})
    assert _error(answer, 422, "invalid_request")["details"][0]["where"] == "query.hours"


@pytest.mark.parametrize("hours", [1, 24])
def test_hours_within_the_range_are_taken(client: TestClient, session: str, hours: int) -> None:
    body = client.get(f"/api/v1/monitoring/sessions/{session}/history", params={"hours": hours}).json()
    assert (body["hours"], body["source"], len(body["samples"])) == (hours, "memory", 1)


def test_an_unexpected_failure_is_a_500_of_the_same_shape(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("resource_monitor.monitor.Monitor.summary", broken)
    answer = client.get("/api/v1/monitoring/summary")
    _error(answer, 500, "internal_error")
    assert "hunter2" not in answer.text


def test_a_host_that_cannot_be_measured_now_is_a_503(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk went away")

    monkeypatch.setattr(Host, "measure", broken)
    _error(client.post("/api/v1/monitoring/collect"), 503, "not_ready")
    _error(client.post(_START, json={"session_id": str(uuid4())}), 503, "not_ready")
    assert client.get("/health").json()["active_sessions"] == 0


def test_collecting_adds_a_sample_to_every_session(client: TestClient, session: str) -> None:
    before = client.get(f"/api/v1/monitoring/sessions/{session}/metrics").json()
    collected = client.post("/api/v1/monitoring/collect").json()
    assert [sample["session_id"] for sample in collected["samples"]] == [session]
    after = client.get(f"/api/v1/monitoring/sessions/{session}/metrics").json()
    assert after == collected["samples"][0]
    assert after["timestamp"] > before["timestamp"]
    assert len(client.get(f"/api/v1/monitoring/sessions/{session}/history").json()["samples"]) == 2


def test_history_is_bounded() -> None:
    with _application(Settings(metrics_history_limit=3)) as client:
        session = _start(client)
        for _ in range(5):
            client.post("/api/v1/monitoring/collect")
        samples = client.get(f"/api/v1/monitoring/sessions/{session}/history").json()["samples"]
        assert len(samples) == 3
        assert samples[-1] == client.get(f"/api/v1/monitoring/sessions/{session}/metrics").json()
        assert [s["timestamp"] for s in samples] == sorted(s["timestamp"] for s in samples)


def test_samples_are_taken_again_and_again_by_themselves() -> None:
    with _application(Settings(monitoring_interval=timedelta(seconds=0.1))) as client:
        session = _start(client)
        path = f"/api/v1/monitoring/sessions/{session}/history"
        eventually(lambda: len(client.get(path).json()["samples"]) >= 4)


def test_the_summary_has_the_host_and_all_sessions(client: TestClient, session: str) -> None:
    body = client.get("/api/v1/monitoring/summary").json()
    assert body["host"]["session_id"] is None
    assert body["active_sessions"] == 1
    assert [entry["session_id"] for entry in body["sessions"]] == [session]
    assert body["sessions"][0]["sample"]["session_id"] == session


def test_exceeded_thresholds_are_alerts_of_session_and_summary() -> None:
    settings = Settings(memory_threshold_percent=0.0001, disk_threshold_percent=0.0001)
    with _application(settings) as client:
        session = _start(client)
        alerts = client.get(f"/api/v1/monitoring/sessions/{session}/alerts").json()["alerts"]
        assert {"memory", "disk"} <= {alert["metric"] for alert in alerts}
        summary = client.get("/api/v1/monitoring/summary").json()
        assert summary["sessions"][0]["alerts"] == alerts


def test_what_is_missing_is_named_and_the_service_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(
        redis_url=ServiceAddress.parse(f"redis://:hunter2@127.0.0.1:{free_port()}", schemes=["redis"]),
        mongodb_url=ServiceAddress.parse(f"mongodb://me:hunter3@127.0.0.1:{free_port()}", schemes=["mongodb"]),
        rdp_xrdp_url=ServiceAddress.parse(f"http://127.0.0.1:{free_port()}", schemes=["http"]),
        record_folder=tmp_path / "file" / "below",
    )
    with _application(settings) as client:
        answer = client.get("/health")
        assert answer.json()["status"] == "degraded"
        assert answer.json()["missing"] == ["redis", "mongodb", "recorder", "rdp-xrdp"]
        eventually(lambda: "connection refused" in client.get("/health").text)
        assert client.get("/api/v1/monitoring/summary").json()["siblings"][0]["name"] == "rdp-xrdp"
        session = _start(client)
        assert client.get(f"/api/v1/monitoring/sessions/{session}/history").json()["source"] == "memory"
        for path in ("/health", "/api/v1/monitoring/summary", "/api/v1/metrics"):
            assert "hunter" not in client.get(path).text


def test_samples_are_recorded_where_a_folder_is_given(tmp_path: Path) -> None:
    with _application(Settings(record_folder=tmp_path / "logs")) as client:
        session = _start(client)
        file = tmp_path / "logs" / "samples.jsonl"
        eventually(lambda: session in file.read_text() if file.exists() else False)
        assert client.get("/health").json()["status"] == "healthy"
    sessions = [json.loads(line)["session_id"] for line in file.read_text().splitlines()]
    assert sessions == [None, str(UUID(session))]


def test_overdue_samples_degrade_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource_monitor.monitor._LATEST_PASS", timedelta(0))
    with _application(Settings(monitoring_interval=timedelta(seconds=0.1))) as client:

        def broken(*_: object) -> None:
            raise OSError("disk went away")

        monkeypatch.setattr(Host, "measure", broken)
        eventually(lambda: client.get("/health").json()["missing"] == ["sampler"])
        monkeypatch.undo()
        eventually(lambda: client.get("/health").json()["status"] == "healthy")
