"""A sibling is asked again when that can help."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import httpx
import pytest

from common.addresses import ServiceAddress
from common.backoff import Backoff
from integration import siblings
from integration.siblings import Sibling, SiblingError
from tests.monitor_service.support import FakeSibling, black_hole, free_port

_FAST = Backoff(first=timedelta(milliseconds=1), longest=timedelta(milliseconds=2))


def _check(url: str) -> None:
    async def check() -> None:
        sibling = Sibling("rdp-xrdp", ServiceAddress.parse(url, schemes=["http"]), backoff=_FAST)
        try:
            await sibling.check()
        finally:
            await sibling.close()

    asyncio.run(check())


def test_a_sibling_that_is_well_is_asked_once() -> None:
    with FakeSibling(200) as fake:
        _check(fake.url)
    assert fake.requests == ["/health"]


def test_the_path_of_the_base_url_stays() -> None:
    with FakeSibling(200) as fake:
        _check(f"{fake.url}/xrdp")
    assert fake.requests == ["/xrdp/health"]


def test_a_server_error_is_tried_again() -> None:
    with FakeSibling(503, 500, 200) as fake:
        _check(fake.url)
    assert len(fake.requests) == 3


def test_a_server_error_that_stays_is_given_up() -> None:
    with FakeSibling(503) as fake, pytest.raises(SiblingError, match="answered 503"):
        _check(fake.url)
    assert len(fake.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_a_client_error_is_not_tried_again(status: int) -> None:
    with FakeSibling(status, 200) as fake, pytest.raises(SiblingError, match=f"answered {status}"):
        _check(fake.url)
    assert len(fake.requests) == 1


def test_a_time_out_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "_REQUEST_LIMIT", timedelta(seconds=0.05))
    asked: list[str] = []
    ask = Sibling._ask

    async def counted(sibling: Sibling) -> None:
        asked.append(sibling.name)
        await ask(sibling)

    monkeypatch.setattr(Sibling, "_ask", counted)
    with black_hole() as port, pytest.raises(httpx.TimeoutException):
        _check(f"http://127.0.0.1:{port}")
    assert len(asked) == 3


def test_nobody_there_is_an_error_of_the_connection() -> None:
    with pytest.raises(httpx.ConnectError):
        _check(f"http://127.0.0.1:{free_port()}")


def test_the_client_is_made_at_the_first_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    Sibling("rdp-xrdp", ServiceAddress.parse("http://xrdp", schemes=["http"]))
