"""The HTTP interface (the family's description of it)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.engine import Clock, Container, ask_again, ask_at_once
from image_harness.engine.growth import Growth, observe_growth
from image_harness.engine.traffic import HalfRequest
from image_harness.types import Port

PATIENCE = timedelta(seconds=10)


@pytest.fixture(scope="session")
def http(container: Container, design: Design) -> Iterator[httpx.Client]:
    """A client of the shared container's published port."""
    with httpx.Client(base_url=container.url("", Port(design.service.port)), trust_env=False, timeout=30) as client:
        yield client


@requirement("interface.published")
def test_published_on_loopback(container: Container, design: Design) -> None:
    address, port = container.address(Port(design.service.port))
    assert address == "127.0.0.1"
    assert httpx.get(f"http://{address}:{port}{design.runtime.health_path}", trust_env=False).status_code == 200


@requirement("interface.route.{key}", for_each="runtime.routes")
def test_route(http: httpx.Client, item: Item) -> None:
    response = http.request(item.value.method, item.value.path)
    assert response.status_code == item.value.status
    assert response.headers["content-type"].split(";")[0] == item.value.content_type


@requirement("interface.health-body")
def test_health_body(http: httpx.Client, design: Design) -> None:
    body = http.get(design.runtime.health_path).json()
    assert {"status", "service", "version", "active_sessions", "timestamp"} <= set(body)
    assert body["service"] == design.service.id
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None


@requirement("interface.openapi-routes")
def test_openapi_document_lists_the_routes(http: httpx.Client, design: Design) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    found = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert found == set(design.runtime.openapi_routes)


@requirement("interface.session")
def test_life_of_a_session(http: httpx.Client) -> None:
    session = str(uuid.uuid4())
    start = {"session_id": session, "session_config": {"pids": [1]}}
    sessions = f"/api/v1/monitoring/sessions/{session}"
    assert http.post("/api/v1/monitoring/start", json=start).is_success
    assert http.post("/api/v1/monitoring/start", json=start).status_code == 409
    sample = http.get(f"{sessions}/metrics")
    assert sample.status_code == 200
    assert session in sample.text
    assert http.post(f"{sessions}/stop").is_success
    assert http.get(f"{sessions}/metrics").status_code == 404


@requirement("interface.keep-alive")
def test_one_connection_serves_several_requests(container: Container, design: Design, clock: Clock) -> None:
    address = container.address(Port(design.service.port))
    answers = ask_again(address, design.runtime.health_path, 5, clock.limit(PATIENCE))
    assert answers.all_are(200, 5), str(answers)


@requirement("interface.concurrent")
def test_many_clients_at_once(container: Container, design: Design, clock: Clock) -> None:
    address = container.address(Port(design.service.port))
    answers = ask_at_once(address, design.runtime.health_path, design.runtime.clients, clock.limit(PATIENCE))
    assert answers.all_are(200, design.runtime.clients), str(answers)


@requirement("interface.slow-client")
def test_a_slow_client_keeps_nobody_waiting(container: Container, design: Design, clock: Clock) -> None:
    address = container.address(Port(design.service.port))
    with HalfRequest(address, design.runtime.post_path, clock.limit(PATIENCE)) as slow:
        answers = ask_again(address, design.runtime.health_path, 3, clock.limit(PATIENCE))
        assert answers.all_are(200, 3), str(answers)
        assert slow.finish() == 200


@pytest.fixture(scope="module")
def steady(container: Container, design: Design, clock: Clock) -> Growth:
    """What many requests, one after the other, do to the service."""
    port, requests = Port(design.service.port), design.runtime.steady_requests
    return observe_growth(container, port, design.runtime.health_path, requests, clock.limit(PATIENCE))


@requirement("interface.no-descriptor-leak")
def test_requests_leave_no_descriptor_open(steady: Growth) -> None:
    assert steady.descriptors_after <= steady.descriptors_before


@requirement("interface.no-memory-leak")
def test_requests_do_not_make_the_service_grow(steady: Growth) -> None:
    assert steady.resident_after <= steady.resident_before * 1.05
