from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Callable, Iterator
from email.utils import formatdate
from io import BytesIO

import pytest
import time_machine
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from image_harness.engine_client import Client

NOON = 1_700_000_000


class Engine(BaseAdapter):
    """Answers that it is noon, after something has happened."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = happens
        self.options: dict[str, object] = {}

    def send(self, request: PreparedRequest, *_: object, **options: object) -> Response:
        self._happens()
        self.options = options
        response = Response()
        response.status_code = 200
        response.headers["Date"] = formatdate(NOON, usegmt=True)
        response.raw = BytesIO()
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("step", [-3600, 0, 3600])
def test_the_time_told_is_right_though_this_machines_clock_was_set_before_the_answer(step: int) -> None:
    client = Client(base_url="http://engine:2375", version="1.45")
    with time_machine.travel(NOON) as here:
        client.mount("http://", Engine(lambda: here.shift(step)))
        client.get("http://engine:2375/info")
    assert client.told_time is not None
    assert client.told_time.now() == pytest.approx(NOON + 0.5, abs=60)
    client.close()


def test_an_answer_without_a_date_tells_no_time() -> None:
    client = Client(base_url="http://engine:2375", version="1.45")
    engine = Engine(lambda: None)
    client.mount("http://", engine)
    send = engine.send

    def undated(request: PreparedRequest, *arguments: object, **options: object) -> Response:
        response = send(request, *arguments, **options)
        del response.headers["Date"]
        return response

    engine.send = undated  # type: ignore[method-assign]
    client.get("http://engine:2375/info")
    assert client.told_time is None
    client.close()


class Changing(UserDict[str, str]):
    """An environment of which a variable is taken away whenever somebody goes through it."""

    def __iter__(self) -> Iterator[str]:
        for name in self.data:
            yield name
            raise KeyError(name)


def test_variables_that_come_and_go_meanwhile_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(base_url="http://engine:2375", version="1.45")
    client.mount("http://", Engine(lambda: None))
    monkeypatch.setattr(os, "environ", Changing(os.environ))
    assert client.get("http://engine:2375/info").status_code == 200
    client.close()


def test_no_proxy_of_the_environment_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    client = Client(base_url="http://engine:2375", version="1.45")
    engine = Engine(lambda: None)
    client.mount("http://", engine)
    client.get("http://engine:2375/info")
    assert engine.options["proxies"] == {}
    client.close()
