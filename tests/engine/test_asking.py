"""Asking tells a service that is not there from one that takes its time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from image_harness.engine.asking import Asking, http_client

LIMIT = timedelta(seconds=0.3)


@contextlib.contextmanager
def server(answer: bytes | None) -> Iterator[str]:
    """Listen, and answer each connection so; None says nothing and keeps it open."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as kept:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = kept.enter_context(listener.accept()[0])
                    connection.recv(1000)
                    if answer is not None:
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
    ],
    ids=["not yet", "silent", "closed"],
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
