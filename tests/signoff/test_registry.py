from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from image_harness.errors import HarnessError
from image_harness.signoff import registry as module
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.registry import OCI_MANIFEST, Registry, digest_of
from image_harness.signoff.repository import Repository
from tests.signoff.fake_registry import FakeRegistry

HERE = Repository("127.0.0.1:5000", "lucid/rdp-monitor")
MANIFEST = b'{"schemaVersion":2}'


def answering(answer: Callable[[httpx.Request], httpx.Response], repository: Repository = HERE) -> Registry:
    return Registry(repository, httpx.MockTransport(answer))


def test_what_is_stored_can_be_read_back(registry: Registry) -> None:
    digest = registry.push_blob(b"content")
    registry.push_manifest("latest", MANIFEST, OCI_MANIFEST)

    assert registry.blob(digest) == b"content"
    found = registry.manifest("latest")
    assert found is not None
    assert (found.content, found.media_type, found.digest) == (MANIFEST, OCI_MANIFEST, digest_of(MANIFEST))
    assert registry.manifest(digest_of(MANIFEST)) == found


def test_a_blob_that_is_there_is_not_sent_again(registry: Registry, fake: FakeRegistry) -> None:
    registry.push_blob(b"content")
    registry.push_blob(b"content")

    assert len([line for line in fake.asked if line.startswith("PUT")]) == 1


def test_a_blob_of_any_size_is_checked(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = registry.push_blob(b"x" * 101)
    monkeypatch.setattr(module, "MAX_BYTES", 100)

    registry.check_blob(digest)
    with pytest.raises(HarnessError, match="was answered 404"):
        registry.check_blob(digest_of(b"nothing"))


def test_what_is_not_there_is_told(registry: Registry) -> None:
    assert registry.manifest("latest") is None
    with pytest.raises(HarnessError, match="the registry has no blob"):
        registry.blob(digest_of(b"nothing"))


def test_an_altered_byte_is_refused(registry: Registry, fake: FakeRegistry) -> None:
    blob = registry.push_blob(b"content")
    registry.push_manifest("latest", MANIFEST, OCI_MANIFEST)
    fake.blobs[str(blob)] = b"c0ntent"
    fake.manifests[str(digest_of(MANIFEST))] = (b'{"schemaVersion":3}', OCI_MANIFEST)

    with pytest.raises(NotVerifiedError, match=f"the blob was altered: asked for {blob}, got sha256:"):
        registry.blob(blob)
    with pytest.raises(NotVerifiedError, match=f"the blob was altered: asked for {blob}, got sha256:"):
        registry.check_blob(blob)
    with pytest.raises(NotVerifiedError, match="the manifest was altered"):
        registry.manifest(digest_of(MANIFEST))


def test_a_registry_that_asks_for_a_token_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRegistry(token="opensesame")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    login = {"auths": {"127.0.0.1:5000": {"auth": base64.b64encode(b"somebody:secret").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(login))
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return fake.answer(request)

    with answering(answer) as registry:
        registry.push_blob(b"content")

    (token,) = [request for request in asked if request.url.path == "/token"]
    assert token.headers["Authorization"] == f"Basic {base64.b64encode(b'somebody:secret').decode()}"
    assert token.url.params["scope"] == "repository:lucid/rdp-monitor:pull,push"
    assert str(digest_of(b"content")) in fake.blobs


def stored_by_a_helper(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> None:
    """Have a credential helper know a login, as Docker's desktops have."""
    helper = folder / "docker-credential-made-up"
    helper.write_text(f"#!/bin/sh\necho '{json.dumps({'ServerURL': 'x', 'Username': name, 'Secret': secret})}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text(json.dumps({"credsStore": "made-up"}))


def test_a_credential_helper_is_asked_for_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored_by_a_helper(tmp_path, monkeypatch, "somebody", "secret")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") == f"Basic {base64.b64encode(b'somebody:secret').decode()}":
            return httpx.Response(200, content=MANIFEST)
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    with answering(answer) as registry:
        assert registry.manifest("latest")


def stored_in_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    login = {"auths": {"127.0.0.1:5000": {"auth": "AAAA", "identitytoken": "a+token"}}}
    (folder / "config.json").write_text(json.dumps(login))


@pytest.mark.parametrize("place", ["file", "helper"])
def test_an_identity_token_is_exchanged_for_one_that_opens_the_repository(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "file":
        stored_in_the_file(tmp_path, monkeypatch)
    else:
        stored_by_a_helper(tmp_path, monkeypatch, "<token>", "a+token")
    fake = FakeRegistry(token="opensesame")
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "opensesame", "refresh_token": "another"})
        return fake.answer(request)

    with answering(answer) as registry:
        registry.push_blob(b"content")

    (exchange,) = [request for request in asked if request.url.path == "/token"]
    assert exchange.method == "POST"
    assert "Authorization" not in exchange.headers
    assert dict(parse_qsl(exchange.content.decode())) == {
        "grant_type": "refresh_token",
        "client_id": "image-harness",
        "refresh_token": "a+token",
        "service": "fake",
        "scope": "repository:lucid/rdp-monitor:pull,push",
    }
    assert str(digest_of(b"content")) in fake.blobs


def test_an_identity_token_does_not_follow_a_redirect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored_in_the_file(tmp_path, monkeypatch)
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.host))
        if request.url.path == "/token":
            return httpx.Response(307, headers={"Location": "https://evil.example/token"})
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:5000/token"'})

    with answering(answer) as registry, pytest.raises(HarnessError, match="gives no token"):
        registry.manifest("latest")
    assert seen == [("GET", "127.0.0.1"), ("POST", "127.0.0.1")]


def test_an_identity_token_is_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored_in_the_file(tmp_path, monkeypatch)

    with (
        answering(lambda _: httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})) as registry,
        pytest.raises(HarnessError, match="asks for a password, stored is an identity token; log in with a password"),
    ):
        registry.manifest("latest")


@pytest.mark.parametrize("config", [{"auths": {"127.0.0.1:5000": {"auth": "é"}}}, {"auths": 3}, []])
def test_a_login_that_cannot_be_read_is_told(config: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(config))

    with (
        answering(lambda _: httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})) as registry,
        pytest.raises(HarnessError, match=r"127\.0\.0\.1:5000: cannot ask for its credentials: "),
    ):
        registry.manifest("latest")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 100_000, '{"token":"é"}'.encode(), b'{"token":"\\ud800"}'])
def test_a_token_that_cannot_be_sent_is_none(body: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, content=body)
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:5000/token"'})

    with (
        answering(answer) as registry,
        pytest.raises(HarnessError, match=r"gives no token; log in: docker login 127\.0\.0\.1:5000"),
    ):
        registry.manifest("latest")


def test_a_place_to_log_in_that_is_none_gives_no_token() -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://[:::]/"'}

    with (
        answering(lambda _: httpx.Response(401, headers=challenge)) as registry,
        pytest.raises(HarnessError, match="gives no token"),
    ):
        registry.manifest("latest")


def test_credentials_do_not_go_to_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    login = {"auths": {"127.0.0.1:5000": {"auth": base64.b64encode(b"somebody:secret").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(login))
    seen: dict[str, str | None] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen[request.url.host] = request.headers.get("Authorization")
        if request.url.host != "127.0.0.1":
            return httpx.Response(201)
        if "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.method == "HEAD":
            return httpx.Response(404)
        return httpx.Response(202, headers={"Location": "https://storage.example/upload"})

    with answering(answer) as registry:
        registry.push_blob(b"content")

    assert seen["127.0.0.1"]
    assert seen["storage.example"] is None


def test_a_registry_elsewhere_cannot_ask_for_a_password_in_clear_text() -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://evil.example/token",service="x"'}
    elsewhere = Repository("registry.example", "a")

    with (
        answering(lambda _: httpx.Response(401, headers=challenge), elsewhere) as registry,
        pytest.raises(HarnessError, match=r"asks to log in at 'http://evil\.example/token', which is not https"),
    ):
        registry.manifest("latest")


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_to_log_in(status: int) -> None:
    with (
        answering(lambda _: httpx.Response(status)) as registry,
        pytest.raises(HarnessError, match=r"does not let you in; log in: docker login 127\.0\.0\.1:5000"),
    ):
        registry.manifest("latest")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("connection refused"),
        UnicodeError("label empty or too long"),
        OverflowError("port must be 0-65535"),
    ],
)
def test_a_registry_that_does_not_answer_is_named(error: Exception) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise error

    with (
        answering(refuse) as registry,
        pytest.raises(HarnessError, match=rf"127\.0\.0\.1:5000: the registry does not answer: {error}"),
    ):
        registry.manifest("latest")


def test_a_place_to_upload_to_that_is_none_is_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(404) if request.method == "HEAD" else httpx.Response(202, headers={"Location": "http://a:b"})
        )

    with (
        answering(answer) as registry,
        pytest.raises(HarnessError, match=r"^127\.0\.0\.1:5000: .* at 'http://a:b', which is no URL"),
    ):
        registry.push_blob(b"content")


def test_an_error_of_the_registry_is_passed_on() -> None:
    with (
        answering(lambda _: httpx.Response(500, text="disk\nfull")) as registry,
        pytest.raises(HarnessError, match=r"GET /v2/lucid/rdp-monitor/manifests/latest was answered 500: disk full"),
    ):
        registry.manifest("latest")


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100)

    with (
        answering(lambda _: httpx.Response(200, content=b"x" * 101)) as registry,
        pytest.raises(HarnessError, match="sends more than 100 bytes"),
    ):
        registry.manifest("latest")


def test_an_old_registrys_answer_to_the_question_for_referrers_is_no_index() -> None:
    for response in (httpx.Response(404), httpx.Response(200, text="<html>")):
        with answering(lambda _, response=response: response) as registry:  # type: ignore[misc]
            assert list(registry.referrers(digest_of(b""))) == []
