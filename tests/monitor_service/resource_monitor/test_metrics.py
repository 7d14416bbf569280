"""The metrics, read as Prometheus reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from resource_monitor.config import Settings
from resource_monitor.main import create_app
from tests.monitor_service.support import TestClient, eventually

_Key = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    options = Settings(monitoring_interval=timedelta(seconds=600), disk_threshold_percent=0.001)
    with TestClient(create_app(lambda: options)) as client:
        eventually(lambda: client.get("/health").status_code == 200)
        yield client


def _text(client: TestClient) -> dict[_Key, float]:
    families = text_string_to_metric_families(client.get("/api/v1/metrics").text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def _json(client: TestClient) -> dict[_Key, float]:
    metrics = client.get("/api/v1/metrics/summary").json()["metrics"]
    return {(s["name"], tuple(sorted(s["labels"].items()))): s["value"] for m in metrics for s in m["samples"]}


def test_the_text_is_prometheus_s_format(client: TestClient) -> None:
    assert client.get("/api/v1/metrics").headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert _text(client)["rdp_monitor_info", (("service", "rdp-monitor"), ("version", "1.0.0"))] == 1


def test_json_says_the_same_as_the_text(client: TestClient) -> None:
    text, json = _text(client), _json(client)
    assert text.keys() == json.keys()
    # The process's own figures move between the two requests.
    measured = [key for key in text if not key[0].startswith("process_")]
    assert len(measured) > 10
    assert all(math.isclose(text[key], json[key]) for key in measured)


def test_a_session_has_the_figures_of_its_sample_and_leaves_nothing_behind(client: TestClient) -> None:
    session_id = str(uuid4())
    client.post("/api/v1/monitoring/start", json={"session_id": session_id, "session_config": {"pids": [1]}})
    sample = client.get(f"/api/v1/monitoring/sessions/{session_id}/metrics").json()
    metrics = _text(client)
    label = (("session", session_id),)
    for name, value in sample.items():
        if name not in {"session_id", "timestamp"}:
            assert metrics[f"rdp_monitor_{name}", label] == pytest.approx(value)
    assert metrics["rdp_monitor_alerts", label] >= 1
    assert metrics["rdp_monitor_active_sessions", ()] == 1
    client.post(f"/api/v1/monitoring/sessions/{session_id}/stop")
    metrics = _text(client)
    assert metrics["rdp_monitor_active_sessions", ()] == 0
    assert not any(session_id in str(key) for key in metrics)


def test_the_service_s_own_process_is_among_the_metrics(client: TestClient) -> None:
    assert _text(client)["process_resident_memory_bytes", ()] > 0
