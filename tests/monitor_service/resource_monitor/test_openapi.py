"""The OpenAPI document says what is served: every answer that the service gives is one that it announces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from resource_monitor.config import Settings
from resource_monitor.main import create_app
from tests.monitor_service.support import TestClient, eventually

_PREFIX = "/api/v1/monitoring"
_ROUTES = {
    ("get", "/health"),
    ("post", f"{_PREFIX}/start"),
    ("post", f"{_PREFIX}/sessions/{{session_id}}/stop"),
    ("get", f"{_PREFIX}/sessions/{{session_id}}/metrics"),
    ("get", f"{_PREFIX}/sessions/{{session_id}}/history"),
    ("get", f"{_PREFIX}/sessions/{{session_id}}/alerts"),
    ("get", f"{_PREFIX}/summary"),
    ("post", f"{_PREFIX}/collect"),
    ("get", "/api/v1/metrics"),
    ("get", "/api/v1/metrics/summary"),
}

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_BODIES = _JSON | st.fixed_dictionaries(
    {},
    optional={
        "session_id": st.uuids().map(str) | _JSON,
        "session_config": st.fixed_dictionaries({}, optional={"pids": st.lists(st.integers() | _JSON, max_size=3)})
        | _JSON,
        "extra": _JSON,
    },
)


class Contract:
    """The service and its document."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.document: dict[str, Any] = client.get("/openapi.json").json()

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """What the document says of an operation."""
        operation: dict[str, Any] = self.document["paths"][path][method]
        return operation

    def call(
        self,
        method: str,
        path: str,
        *,
        status: int | None = None,
        session_id: str | None = None,
        json: object = None,
        content: bytes | None = None,
        params: Mapping[str, object] | None = None,
    ) -> Response:
        """Call an operation, and check the answer against what is announced for its status."""
        path_sent = path.replace("{session_id}", session_id or str(uuid4()))
        answer: Response = self._client.request(
            method.upper(),
            path_sent,
            json=json,
            content=content,
            params=params,
            headers={} if content is None else {"content-type": "application/json"},
        )
        if status is not None:
            assert answer.status_code == status, answer.text
        announced = self.operation(method, path)["responses"]
        assert str(answer.status_code) in announced, f"{answer.status_code} is not announced: {answer.text}"
        media_type, _, _ = answer.headers["content-type"].partition(";")
        schema = announced[str(answer.status_code)]["content"][media_type]["schema"]
        if media_type == "application/json":
            self.validate(schema, answer.json())
        return answer

    def validate(self, schema: dict[str, Any], value: object) -> None:
        """Check a value against a schema of the document; keys that no schema names are wrong."""
        whole = _closed({**schema, "components": self.document["components"]})
        Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Have no object hold a key that its schema does not name."""
    closed = {key: _closed_part(part) for key, part in schema.items()}
    if "properties" in closed and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _closed_part(part: object) -> object:
    if isinstance(part, list):
        return [_closed_part(item) for item in part]
    return _closed(part) if isinstance(part, dict) else part


@pytest.fixture(scope="module")
def contract() -> Iterator[Contract]:
    options = Settings(
        monitoring_interval=timedelta(seconds=600), max_concurrent_sessions=2, disk_threshold_percent=0.001
    )
    with TestClient(create_app(lambda: options), raise_server_exceptions=False) as client:
        eventually(lambda: client.get("/health").status_code == 200)
        yield Contract(client)


def test_the_document_has_the_ten_routes_and_no_other(contract: Contract) -> None:
    served = {(method, path) for path, methods in contract.document["paths"].items() for method in methods}
    assert served == _ROUTES


@pytest.mark.parametrize(("method", "path"), sorted(_ROUTES))
def test_every_error_has_the_one_shape(contract: Contract, method: str, path: str) -> None:
    responses = contract.operation(method, path)["responses"]
    schemas = {
        status: response["content"]["application/json"]["schema"]
        for status, response in responses.items()
        if status != "200"
    }
    assert {"500", "503"} <= set(schemas)
    assert {schema["$ref"] for schema in schemas.values()} == {"#/components/schemas/ErrorBody"}


@pytest.mark.parametrize(("method", "path"), sorted(_ROUTES))
def test_a_success_has_a_schema(contract: Contract, method: str, path: str) -> None:
    content = contract.operation(method, path)["responses"]["200"]["content"]
    assert list(content) == (["text/plain"] if path == "/api/v1/metrics" else ["application/json"])


def test_only_what_can_be_malformed_announces_a_422(contract: Contract) -> None:
    announced = {route for route in _ROUTES if "422" in contract.operation(*route)["responses"]}
    assert announced == {("post", f"{_PREFIX}/start"), ("get", f"{_PREFIX}/sessions/{{session_id}}/history")}


def test_each_answer_of_a_session_s_life_is_as_announced(contract: Contract) -> None:
    session_id = str(uuid4())
    body = {"session_id": session_id, "session_config": {"pids": [1], "resolution": "1920x1080"}}
    session = f"{_PREFIX}/sessions/{{session_id}}"
    contract.call("post", f"{_PREFIX}/start", status=200, json=body)
    contract.call("post", f"{_PREFIX}/start", status=409, json=body)
    contract.call("post", f"{_PREFIX}/collect", status=200)
    contract.call("get", f"{session}/metrics", status=200, session_id=session_id)
    contract.call("get", f"{session}/history", status=200, session_id=session_id, params={"hours": 24})
    contract.call("get", f"{session}/history", status=422, session_id=session_id, params={"hours": 25})
    contract.call("get", f"{session}/alerts", status=200, session_id=session_id)
    contract.call("get", f"{_PREFIX}/summary", status=200)
    contract.call("get", "/health", status=200)
    contract.call("get", "/api/v1/metrics", status=200)
    contract.call("get", "/api/v1/metrics/summary", status=200)
    contract.call("post", f"{session}/stop", status=200, session_id=session_id)
    for method, action in (("get", "metrics"), ("get", "history"), ("get", "alerts"), ("post", "stop")):
        contract.call(method, f"{session}/{action}", status=404, session_id=session_id)
    contract.call("post", f"{_PREFIX}/start", status=413, content=b"x" * 70_000)


def test_too_many_sessions_are_answered_as_announced(contract: Contract) -> None:
    started = [str(uuid4()) for _ in range(2)]
    for session_id in started:
        contract.call("post", f"{_PREFIX}/start", status=200, json={"session_id": session_id})
    contract.call("post", f"{_PREFIX}/start", status=429, json={"session_id": str(uuid4())})
    for session_id in started:
        contract.call("post", f"{_PREFIX}/sessions/{{session_id}}/stop", status=200, session_id=session_id)


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(body=_BODIES)
def test_whatever_is_sent_to_start_is_answered_as_announced(contract: Contract, body: object) -> None:
    # As Python writes it: infinity and NaN, which JSON does not have, reach the service too.
    answer = contract.call("post", f"{_PREFIX}/start", content=json.dumps(body).encode())
    assert answer.status_code in {200, 422}
    if answer.status_code == 200:
        session_id = answer.json()["session_id"]
        contract.call("post", f"{_PREFIX}/sessions/{{session_id}}/stop", status=200, session_id=session_id)


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(hours=st.integers() | st.text(max_size=5))
def test_whatever_hours_are_asked_for_the_answer_is_as_announced(contract: Contract, hours: object) -> None:
    answer = contract.call("get", f"{_PREFIX}/sessions/{{session_id}}/history", params={"hours": hours})
    assert answer.status_code in {404, 422}


def test_the_check_itself_can_say_no(contract: Contract) -> None:
    contract = Contract(contract._client)
    schema = {"$ref": "#/components/schemas/Sample"}
    with pytest.raises(ValidationError):
        contract.validate(schema, {"session_id": None})
    contract.document["paths"]["/health"]["get"]["responses"].pop("200")
    with pytest.raises(AssertionError, match="not announced"):
        contract.call("get", "/health")
