"""Clients that behave as clients do, against small servers that answer as a test wants."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from image_harness.engine.errors import EngineError
from image_harness.engine.traffic import Address, HalfRequest, ask_again, ask_at_once, silent_clients

LIMIT = timedelta(seconds=5)


class Handler(BaseHTTPRequestHandler):
    """Answers 200 and keeps the connection open, as HTTP/1.1 does."""

    protocol_version = "HTTP/1.1"
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def serving(handler: type[Handler]) -> Iterator[Address]:
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield "127.0.0.1", server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Address]:
    with serving(Handler) as address:
        yield address


class Closing(Handler):
    def do_GET(self) -> None:
        super().do_GET()
        self.close_connection = True


class Failing(Handler):
    status = 500


def test_a_connection_that_stays_open_serves_all_requests(server: Address) -> None:
    assert ask_again(server, "/", 5, LIMIT).all_are(200, 5)


def test_a_connection_that_is_closed_after_an_answer_is_an_error_for_the_rest() -> None:
    with serving(Closing) as address:
        answers = ask_again(address, "/", 5, LIMIT)

    assert answers.statuses == {200: 1}
    assert sum(answers.errors.values()) == 4


@pytest.mark.parametrize("ask", [ask_again, ask_at_once])
def test_another_status_is_not_what_was_wanted(ask: Callable[..., object]) -> None:
    with serving(Failing) as address:
        answers = ask(address, "/", 3, LIMIT)

    assert str(answers) == "3 x 500"


def test_many_clients_are_all_answered(server: Address) -> None:
    assert ask_at_once(server, "/", 50, LIMIT).all_are(200, 50)


def test_many_clients_are_connected_before_the_first_asks() -> None:
    """The server answers none before it has accepted all."""
    clients = 20
    together = threading.Barrier(clients)

    class Waiting(Handler):
        def do_GET(self) -> None:
            together.wait(LIMIT.total_seconds())
            super().do_GET()

    with serving(Waiting) as address:
        assert ask_at_once(address, "/", clients, LIMIT).all_are(200, clients)


def test_many_clients_may_be_more_than_a_process_has_descriptors_for_by_default(server: Address) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        assert ask_at_once(server, "/", 100, LIMIT).all_are(200, 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_machine_that_has_no_room_for_as_many_clients_is_not_the_servers_fault() -> None:
    program = """
import resource, socket, sys
from datetime import timedelta
from image_harness.engine import EngineError, ask_at_once
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
    try:
        print(ask_at_once(listener.getsockname(), "/", 200, timedelta(seconds=5)))
    except EngineError as error:
        print(str(error).partition(": ")[2])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "this machine could not make 200 requests at once: Too many open files\n"


def test_nobody_listening_is_an_error_of_every_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()

    answers = ask_at_once(address, "/", 3, timedelta(seconds=1))

    assert not answers.statuses
    assert sum(answers.errors.values()) == 3


def test_half_a_request_is_answered_when_it_is_finished(server: Address) -> None:
    with HalfRequest(server, "/", LIMIT) as half:
        assert half.finish() == 200


def test_half_a_request_to_a_server_that_ends_has_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, HalfRequest(listener.getsockname(), "/", LIMIT) as half:
        accepted, _ = listener.accept()
        accepted.close()
        assert half.finish() is None


def test_half_a_request_that_is_answered_too_soon_was_never_under_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, HalfRequest(listener.getsockname(), "/a", LIMIT) as half:
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with pytest.raises(EngineError, match=r"^/a: answered before the request was complete"):
                half.finish()


def test_silent_clients_are_connected_and_leave_again() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        with silent_clients(listener.getsockname(), 10) as count:
            accepted = [listener.accept()[0] for _ in range(count)]
        assert [connection.recv(1) for connection in accepted] == [b""] * 10
        for connection in accepted:
            connection.close()


def test_silent_clients_may_be_more_than_a_process_has_descriptors_for_by_default() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=4096) as listener,
        silent_clients(listener.getsockname(), 1500) as n,
    ):
        assert n == 1500


def test_silent_clients_are_no_more_than_fit_into_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_harness.engine.traffic._CONNECT", timedelta(milliseconds=200))
    with socket.create_server(("127.0.0.1", 0), backlog=3) as listener:
        with silent_clients(listener.getsockname(), 50) as count:
            assert 3 <= count < 50
        # Nobody has been let in, so there is still no room for the first of others.
        with pytest.raises(TimeoutError), silent_clients(listener.getsockname(), 1):
            pass
