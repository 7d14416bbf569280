"""How the process ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from resource_monitor.serving import bind
from tests.monitor_service.support import (
    ServiceProcess,
    StartService,
    black_hole,
    eventually,
    free_port,
)

_SIGNALS = [signal.SIGTERM, signal.SIGINT]
_STOP_LIMIT = 3.0
_PID_1 = ("unshare", "--pid", "--fork", "--kill-child")


def _can_be_pid_1() -> bool:
    return subprocess.run([*_PID_1, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("number", _SIGNALS)
def test_a_signal_ends_it_in_time_with_0(start_service: StartService, number: signal.Signals) -> None:
    service = start_service().wait_ready()
    code, seconds = service.end(number)
    assert code == 0, service.stdout + service.stderr
    assert seconds < _STOP_LIMIT
    assert service.stderr == ""


@pytest.mark.parametrize("number", _SIGNALS)
def test_a_signal_ends_it_in_time_with_0_as_pid_1(start_service: StartService, number: signal.Signals) -> None:
    if not _can_be_pid_1():
        pytest.fail("no PID namespace can be made here: needs root")
    service = start_service(prefix=_PID_1).wait_ready()
    (inner,) = psutil.Process(service.process.pid).children()
    assert Path(f"/proc/{inner.pid}/status").read_text().split("NSpid:")[1].split("\n")[0].split()[-1] == "1"
    begin = time.monotonic()
    inner.send_signal(number)
    assert service.wait_exit(15) == 0
    assert time.monotonic() - begin < _STOP_LIMIT


@pytest.mark.parametrize("number", _SIGNALS)
def test_a_signal_while_it_starts_ends_it_with_0(start_service: StartService, number: signal.Signals) -> None:
    service = start_service()
    handled = f"{1 << (number - 1):016x}"

    def handler_is_set() -> bool:
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        # Python itself catches SIGINT from the start; the entry point's handlers come together with SIGTERM's.
        return bool(caught & int(handled, 16)) and bool(caught & 1 << (signal.SIGTERM - 1))

    eventually(handler_is_set)
    code, seconds = service.end(number)
    assert code == 0, service.stderr
    assert seconds < _STOP_LIMIT
    assert service.stderr == ""


def test_a_request_in_flight_is_answered(start_service: StartService) -> None:
    service = start_service().wait_ready()
    answers: list[int] = []

    def start() -> None:
        # Takes as long as the first interval of a session's measurement.
        answers.append(service.post("/api/v1/monitoring/start", {"session_id": str(uuid4())}).status)

    request = threading.Thread(target=start)
    request.start()
    time.sleep(0.05)
    code, seconds = service.end(signal.SIGTERM)
    request.join()
    assert answers == [200]
    assert (code, seconds < _STOP_LIMIT) == (0, True)


def test_connections_that_say_nothing_do_not_hold_it_up(start_service: StartService) -> None:
    service = start_service().wait_ready()
    idle = HTTPConnection("127.0.0.1", service.port)
    idle.request("GET", "/health")
    idle.getresponse().read()
    with (
        socket.create_connection(("127.0.0.1", service.port)) as silent,
        socket.create_connection(("127.0.0.1", service.port)) as slow,
    ):
        slow.sendall(b"POST /api/v1/monitoring/start HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.1)
        code, seconds = service.end(signal.SIGTERM)
        assert silent.recv(1) == b""
    idle.close()
    assert (code, seconds < _STOP_LIMIT) == (0, True)


def test_a_second_signal_is_no_trouble(start_service: StartService) -> None:
    service = start_service().wait_ready()
    service.process.send_signal(signal.SIGTERM)
    code, seconds = service.end(signal.SIGINT)
    assert (code, seconds < _STOP_LIMIT) == (0, True)


def test_dependencies_that_hang_do_not_hold_it_up(start_service: StartService) -> None:
    with black_hole() as port:
        service = start_service(
            environment={
                "REDIS_URL": f"redis://127.0.0.1:{port}",
                "MONGODB_URL": f"mongodb://127.0.0.1:{port}",
                "RDP_XRDP_URL": f"http://127.0.0.1:{port}",
            }
        ).wait_ready()
        eventually(lambda: service.get("/health").body.count(b"timed out") >= 2)
        code, seconds = service.end(signal.SIGTERM)
    assert (code, seconds < _STOP_LIMIT) == (0, True)


def test_a_thread_that_hangs_does_not_hold_it_up(start_service: StartService, tmp_path: Path) -> None:
    # A pipe that nobody reads from stops the recorder's thread in the kernel, as a dead network volume would.
    folder = tmp_path / "logs"
    folder.mkdir()
    os.mkfifo(folder / "samples.jsonl")
    service = start_service(environment={"RECORD_FOLDER": str(folder)}).wait_ready()
    code, seconds = service.end(signal.SIGTERM)
    assert (code, seconds < _STOP_LIMIT) == (0, True)


def test_every_line_of_its_log_has_a_time_and_a_level(start_service: StartService) -> None:
    service = start_service(environment={"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}).wait_ready()
    eventually(lambda: "redis is not reachable: connection refused" in service.stdout)
    service.end(signal.SIGTERM)
    lines = service.stdout.splitlines()
    assert all(line[10] == "T" and line.split()[1] in {"INFO", "WARNING"} for line in lines), lines


def test_the_port_can_be_had_again_at_once(start_service: StartService) -> None:
    first = start_service().wait_ready()
    connection = HTTPConnection("127.0.0.1", first.port)
    connection.request("GET", "/health")
    connection.getresponse().read()
    first.end(signal.SIGTERM)
    connection.close()
    second = start_service(port=first.port)
    assert second.wait_ready().get("/health").status == 200


def test_a_port_that_is_listened_on_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        bind("0.0.0.0", taken.getsockname()[1])


def test_an_answer_does_not_wait_for_an_acknowledgement(start_service: StartService) -> None:
    service = start_service().wait_ready()
    with closing(HTTPConnection("127.0.0.1", service.port)) as connection:
        begin = time.monotonic()
        for _ in range(50):
            connection.request("GET", "/health")
            connection.getresponse().read()
    # 40 ms each, were the head of an answer acknowledged before its body is sent.
    assert time.monotonic() - begin < 1


def _send_all(service: ServiceProcess, requests: int) -> None:
    """Send requests of every kind on one connection, the costly ones now and then."""
    session_id = str(uuid4())
    session = f"/api/v1/monitoring/sessions/{session_id}"
    body = json.dumps({"session_id": session_id, "session_config": {"pids": [service.process.pid]}})
    now_and_then = {
        0: ("POST", "/api/v1/monitoring/start"),
        20: ("GET", "/api/v1/metrics"),
        40: ("GET", "/api/v1/monitoring/summary"),
        60: ("GET", "/api/v1/metrics/summary"),
        80: ("POST", "/api/v1/monitoring/collect"),
        99: ("POST", f"{session}/stop"),
    }
    often = [("GET", "/health"), ("GET", f"{session}/metrics"), ("GET", "/nope"), ("GET", f"{session}/history")]
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection:
        for number in range(requests):
            method, path = now_and_then.get(number % 100, often[number % len(often)])
            sent = body if path.endswith("/start") else None
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            connection.getresponse().read()


def test_five_thousand_requests_cost_neither_memory_nor_descriptors(start_service: StartService) -> None:
    service = start_service().wait_ready()
    process = psutil.Process(service.process.pid)
    _send_all(service, 500)
    memory, descriptors = process.memory_info().rss, process.num_fds()
    _send_all(service, 5000)
    assert process.memory_info().rss - memory < 4_000_000
    assert eventually(lambda: process.num_fds() <= descriptors)


def test_two_hundred_clients_at_once_are_answered_beside_a_slow_one(start_service: StartService) -> None:
    service = start_service().wait_ready()
    with socket.create_connection(("127.0.0.1", service.port)) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHo")
        clients = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(200)]
        begin = time.monotonic()
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert all(client.recv(15) == b"HTTP/1.1 200 OK" for client in clients)
        assert time.monotonic() - begin < 5
        for client in clients:
            client.close()
