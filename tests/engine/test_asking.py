"""Asking tells a service that is not there from one that takes its time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from image_harness.engine.asking import Asking, http_client, json_object
from image_harness.engine.bounded_http import ANSWER_BYTES

LIMIT = timedelta(seconds=0.3)


@contextlib.contextmanager
def server(answer: bytes | None, *, dripping: float = 0) -> Iterator[str]:
    """Listen, and answer each connection so; None says nothing and keeps it open.

    What drips comes byte by byte, with so many seconds between.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as kept:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = kept.enter_context(listener.accept()[0])
                    connection.recv(1000)
                    for byte in answer or b"" if dripping else b"":
                        connection.sendall(bytes([byte]))
                        time.sleep(dripping)
                    if answer is not None and not dripping:
                        connection.sendall(answer)
                        connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "turned_away", "last"),
    [
        (b"HTTP/1.1 503 Not Yet\r\nContent-Length: 0\r\n\r\n", False, "status 503"),
        (None, False, "ReadTimeout"),
        (b"", True, "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno", False, "DecodingError"),
    ],
    ids=["not yet", "silent", "closed", "not what it says"],
)
def test_who_takes_a_request_is_there(answer: bytes | None, *, turned_away: bool, last: str) -> None:
    with server(answer) as url, Asking.at(url, 200, LIMIT) as asking:
        assert asking.ask() is None
        assert (asking.connected, asking.turned_away) == (True, turned_away)
        assert asking.last.startswith(last)


def test_who_refuses_a_connection_turns_it_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with Asking.at(url, 200, LIMIT) as asking:
        assert asking.ask() is None
        assert (asking.connected, asking.turned_away) == (False, True)


def test_an_answer_of_the_status_ends_it() -> None:
    with (
        server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok") as url,
        Asking.at(url, 200, LIMIT) as asking,
    ):
        response = asking.ask()
        assert response is not None
        assert response.content == b"ok"
        assert not asking.turned_away


def test_no_request_goes_to_a_connection_that_a_server_is_about_to_close() -> None:
    def answer_once(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        # The next one comes while the server has begun to close the connection that nobody used: it is not answered.
        connection.recv(1000)
        connection.close()

    def serve() -> None:
        for _ in range(2):
            threading.Thread(target=answer_once, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener, http_client(timedelta(seconds=5)) as client:
        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert [client.get(url).text for _ in range(2)] == ["ok", "ok"]


def test_an_answer_that_only_drips_is_not_waited_for_any_longer_than_the_limit() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 80
    with server(answer, dripping=0.1) as url, Asking.at(url, 200, timedelta(seconds=3)) as asking:
        begin = time.monotonic()
        assert asking.ask() is None
        assert time.monotonic() - begin < 7
        assert (asking.connected, asking.turned_away) == (True, False)
        assert asking.last == "ReadTimeout: the answer was not complete within 3 s"


def test_an_answer_without_end_is_none() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (ANSWER_BYTES + 1)
    with server(answer) as url, Asking.at(url, 200, timedelta(seconds=20)) as asking:
        assert asking.ask() is None
        assert asking.last == f"ReadError: the answer has more than {ANSWER_BYTES} bytes"


@pytest.mark.parametrize(("content", "found"), [(b"OK", None), (b"[1]", None), (b"[" * 100_000, None), (b"{}", {})])
def test_an_object_is_told_from_what_is_none(content: bytes, found: object) -> None:
    assert json_object(content) == found
