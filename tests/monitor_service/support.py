"""The real programs that the tests start: the service, a Redis server, things that listen."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

with warnings.catch_warnings():
    # Starlette would rather have httpx's successor, which the design does not name.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

__all__ = ["TestClient"]

MONITOR_SERVICE = Path(__file__).parents[2] / "monitor_service"
ENTRYPOINT = MONITOR_SERVICE / "resource_monitor" / "entrypoint.py"
LOOPBACK = "127.0.0.1"
START_LIMIT = 30.0


def free_port() -> int:
    """Give a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


T = TypeVar("T")


def eventually(condition: Callable[[], T], *, limit: float = 10.0) -> T:
    """Wait until a condition holds, and give what it gave."""
    end = time.monotonic() + limit
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not so within {limit} s; last seen: {result!r}")
        time.sleep(0.02)
    return result


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - as JSON goes
        """The body as JSON."""
        return json.loads(self.body)


class ServiceProcess:
    """The entry point, run as a process.

    Args:
        folder: Where its output goes, and what it runs in.
        environment: Its settings; nothing else of the caller's environment but PATH is passed on.
        port: Its port: a free one by default; none leaves the variable out.
        prefix: A command that the interpreter is started with.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        port: int | None = 0,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.port = free_port() if port == 0 else port or 8093
        variables = {"PATH": os.environ["PATH"]}
        if port is not None:
            variables["RDP_MONITOR_PORT"] = str(self.port)
        self._out = folder / "stdout"
        self._err = folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, str(ENTRYPOINT)],
                cwd=folder,
                env=variables | dict(environment or {}),
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def stdout(self) -> str:
        """What it wrote to stdout so far."""
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        """What it wrote to stderr so far."""
        return self._err.read_text()

    def request(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=15)
        try:
            data = None if body is None else json.dumps(body).encode()
            sent = {"Content-Type": "application/json"} if data else {}
            connection.request(method, path, data, sent | dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """GET a path."""
        return self.request("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        """POST JSON to a path."""
        return self.request("POST", path, body)

    def wait_ready(self) -> Self:
        """Wait until ``/health`` is 200."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}: {self.stdout}{self.stderr}")
            try:
                return self.get("/health").status == 200
            except OSError:
                return False

        eventually(ready, limit=START_LIMIT)
        return self

    def wait_exit(self, limit: float = START_LIMIT) -> int:
        """Wait until it ends, and give its exit code."""
        return self.process.wait(limit)

    def end(self, signal_number: int) -> tuple[int, float]:
        """Send it a signal; give its exit code and the seconds until it ended."""
        begin = time.monotonic()
        self.process.send_signal(signal_number)
        code = self.wait_exit(15)
        return code, time.monotonic() - begin


class StartService(Protocol):
    """Starts the service."""

    def __call__(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        port: int | None = 0,
        prefix: tuple[str, ...] = (),
    ) -> ServiceProcess:
        """Start it."""


def redis_program() -> str | None:
    """Where redis-server is."""
    return shutil.which("redis-server")


class RedisServer:
    """A real Redis server that can be killed and started again on the same port."""

    PASSWORD = "p%40ss-word"
    """As written in the URL; the server knows it decoded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL, password included."""
        return f"redis://:{self.PASSWORD}@{LOOPBACK}:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        program = redis_program()
        assert program is not None
        options = {
            "--port": str(self.port),
            "--bind": LOOPBACK,
            "--requirepass": "p@ss-word",
            "--save": "",
            "--appendonly": "no",
            "--dir": str(self._folder),
        }
        self._process = subprocess.Popen(
            [program, *(part for option in options.items() for part in option)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: listens(self.port))

    def send_signal(self, number: int) -> None:
        """Send it a signal, SIGSTOP to have it hang for example."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def listens(port: int) -> bool:
    """Tell whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextmanager
def black_hole() -> Iterator[int]:
    """Give a port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(64)
        yield listener.getsockname()[1]


class FakeSibling:
    """A sibling service that answers what it is told to, and keeps count.

    Attributes:
        statuses: The status of each answer to come; the last one stays.
        requests: The paths that were asked for.
    """

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[str] = []
        sibling = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sibling.requests.append(self.path)
                status = sibling.statuses.pop(0) if len(sibling.statuses) > 1 else sibling.statuses[0]
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
