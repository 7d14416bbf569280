"""The HTTP interface (the family's description of it)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.engine import Clock, Container, ask_again
from image_harness.engine.arrival import await_request
from image_harness.engine.asking import http_client
from image_harness.engine.growth import Growth, observe_growth
from image_harness.engine.traffic import HalfRequest
from image_harness.plugin.running import Running
from image_harness.types import Port

PATIENCE = timedelta(seconds=10)
# What a native machine takes at most to answer a request.
ANSWER = timedelta(seconds=3)
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="session")
def ask(container: Container, design: Design, clock: Clock) -> Iterator[Ask]:
    """A function that asks the shared container's published port.

    A service that has answered before and does not answer now is a finding; whether the engine is still there to have
    it run is looked at first, and then whether somebody else has stopped it.
    """
    port = Port(design.service.port)
    with http_client(clock.limit(ANSWER)) as client:

        def request(method: str, path: str, **values: object) -> httpx.Response:
            if container.state().ended:
                code = container.require_left_alone().exit_code
                raise AssertionError(f"{method} {path}: the service has ended with exit code {code}")
            try:
                return client.request(method, container.url(path, port), **values)  # type: ignore[arg-type]
            except httpx.RequestError as error:
                status = container.require_left_alone().status
                raise AssertionError(f"{method} {path}: {type(error).__name__}, the container: {status}") from error

        yield request


@requirement("interface.published")
def test_published_on_loopback(container: Container, ask: Ask, design: Design) -> None:
    assert ask("GET", design.runtime.health_path).status_code == 200
    container.require_here()
    address, _ = container.address(Port(design.service.port))
    assert address == "127.0.0.1"


@requirement("interface.route.{key}", for_each="runtime.routes")
def test_route(ask: Ask, item: Item) -> None:
    response = ask(item.value.method, item.value.path)
    assert response.status_code == item.value.status
    assert response.headers["content-type"].split(";")[0] == item.value.content_type


@requirement("interface.health-body")
def test_health_body(ask: Ask, design: Design) -> None:
    body = ask("GET", design.runtime.health_path).json()
    assert {"status", "service", "version", "active_sessions", "timestamp"} <= set(body)
    assert body["service"] == design.service.id
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None


@requirement("interface.openapi-routes")
def test_openapi_document_lists_the_routes(ask: Ask, design: Design) -> None:
    response = ask("GET", "/openapi.json")
    assert response.status_code == 200
    paths = response.json().get("paths", {})
    found = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert found == set(design.runtime.openapi_routes)


@requirement("interface.session")
def test_life_of_a_session(ask: Ask) -> None:
    session = str(uuid.uuid4())
    start = {"session_id": session, "session_config": {"pids": [1]}}
    sessions = f"/api/v1/monitoring/sessions/{session}"
    assert ask("POST", "/api/v1/monitoring/start", json=start).is_success
    assert ask("POST", "/api/v1/monitoring/start", json=start).status_code == 409
    sample = ask("GET", f"{sessions}/metrics")
    assert sample.status_code == 200
    assert session in sample.text
    assert ask("POST", f"{sessions}/stop").is_success
    assert ask("GET", f"{sessions}/metrics").status_code == 404


@requirement("interface.keep-alive")
def test_one_connection_serves_several_requests(container: Container, design: Design, clock: Clock) -> None:
    address = container.address(Port(design.service.port))
    answers = ask_again(address, design.runtime.health_path, 5, clock.limit(PATIENCE))
    assert answers.all_are(200, 5), str(answers)


@requirement("interface.concurrent")
def test_many_clients_at_once(running: Running, design: Design) -> None:
    assert running.load.all_are(200, design.runtime.clients), str(running.load)


@requirement("interface.slow-client")
def test_a_slow_client_keeps_nobody_waiting(container: Container, design: Design, clock: Clock) -> None:
    address = container.address(Port(design.service.port))
    with HalfRequest(address, design.runtime.post_path, clock.limit(PATIENCE)) as slow:
        await_request(container, Port(design.service.port), clock.limit(PATIENCE))
        answers = ask_again(address, design.runtime.health_path, 3, clock.limit(PATIENCE))
        assert answers.all_are(200, 3), str(answers)
        assert slow.finish() == design.runtime.post_status


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
    assert steady.memory_after <= steady.memory_before * 1.05
