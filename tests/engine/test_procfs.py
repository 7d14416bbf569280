from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from image_harness.engine import ContainerLost, EngineError, ListeningSocket
from image_harness.engine.procfs import (
    inside_id,
    is_container_process,
    listening,
    parse_sockets,
    program_arguments,
    read_listening_sockets,
    read_processes,
    read_status,
    read_waiting,
    waiting,
)

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = (
    HEADER
    + "   0: 00000000:1F9D 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532        0 1 1 0 100 0 0 10 0\n"
    "   1: 0100007F:1F9D 0100007F:C001 01 00000000:00000000 00:00000000 00000000 65532        0 2 1 0 20 4 30 10 -1\n"
)
TCP6 = HEADER + "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1\n"


def test_only_sockets_that_listen_are_read() -> None:
    assert parse_sockets(TCP, "tcp") == (ListeningSocket("0.0.0.0", 8093, "tcp"),)


def test_ipv6_addresses_are_read() -> None:
    assert listening({"tcp": TCP, "tcp6": TCP6}) == (
        ListeningSocket("0.0.0.0", 8093, "tcp"),
        ListeningSocket("::1", 80, "tcp"),
    )


def test_udp_sockets_count_when_they_take_datagrams_from_anyone() -> None:
    table = HEADER + "  12: 0100007F:0035 00000000:0000 07 0:0 00:0 0 0 0 1 2 0 0\n"
    assert parse_sockets(table, "udp") == (ListeningSocket("127.0.0.1", 53, "udp"),)


def test_a_line_of_something_else_is_an_error() -> None:
    with pytest.raises(EngineError, match="socket table"):
        parse_sockets(HEADER + "what\n", "tcp")


def test_a_socket_of_this_very_process_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        expected = ListeningSocket("127.0.0.1", server.getsockname()[1], "tcp")
        assert expected in read_listening_sockets(os.getpid())


def test_this_very_process_is_found_with_its_ids() -> None:
    found = next(process for process in read_processes(os.getpid()) if process.host_pid == os.getpid())
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())
    assert found.argv


def test_a_process_may_give_itself_any_bytes_for_a_name() -> None:
    named = (
        "import ctypes, time; ctypes.CDLL(None).prctl(15, b'\\xff\\x1eUid:\\x1e'); print(flush=True); time.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", named], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            status = read_status(child.pid)
            found = next(process for process in read_processes(os.getpid()) if process.host_pid == child.pid)
        finally:
            child.kill()
    assert status["Uid"].split()[0] == str(os.getuid())
    assert (found.uid, found.comm) == (os.getuid(), "\N{REPLACEMENT CHARACTER}\x1eUid:\x1e")


def test_a_process_that_has_ended_is_a_lost_container(tmp_path: Path) -> None:
    with pytest.raises(ContainerLost):
        read_processes(5, tmp_path)
    with pytest.raises(ContainerLost):
        read_listening_sockets(5, tmp_path)


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        (("/usr/libexec/qemu-binfmt/aarch64-binfmt-P", "/usr/bin/python3.11", "python", "-c"), ("python", "-c")),
        (("/usr/bin/qemu-aarch64-static", "/usr/bin/python3.11", "-c"), ("/usr/bin/python3.11", "-c")),
        (("/usr/bin/python3.11", "-c"), ("/usr/bin/python3.11", "-c")),
        ((), ()),
    ],
)
def test_the_emulators_own_arguments_are_taken_off(shown: tuple[str, ...], seen: tuple[str, ...]) -> None:
    assert program_arguments(shown) == seen


def test_ids_are_those_inside_a_user_namespace() -> None:
    id_map = "         0       1000          1\n         1     100000      65536\n"
    assert [inside_id(outside, id_map) for outside in (1000, 165531, 5)] == [0, 65532, 65534]


def test_a_process_is_the_containers_when_its_control_group_names_it(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text("4:memory:/docker/abc\n")
    (tmp_path / "7/mountinfo").write_text("")
    assert is_container_process(7, "abc", tmp_path)
    assert not is_container_process(7, "def", tmp_path)
    assert not is_container_process(8, "abc", tmp_path)


def test_status_gives_the_fields_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/status").write_text("Name:\tpython3.11\nUid:\t65532\t65532\nCapEff:\t0000000000000000\n")

    found = read_status(7, tmp_path)

    assert (found["Name"], found["CapEff"]) == ("python3.11", "0000000000000000")


def test_status_of_a_process_that_has_ended_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContainerLost, match="cannot be read"):
        read_status(7, tmp_path)


QUEUED = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F9D 00000000:0000 0A 00000000:00000002 00:00000000 00000000 65532        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F9D 0100007F:A001 01 00000005:00000010 00:00000000 00000000 65532        0 2 1 0 100 0 0 10 0
   2: 0100007F:A001 0100007F:1F9D 01 00000000:00000100 00:00000000 00000000 65532        0 3 1 0 100 0 0 10 0
"""


def test_what_no_program_has_taken_is_counted_by_its_port() -> None:
    assert waiting(QUEUED, 8093) == 2 + 16
    assert waiting(QUEUED, 0xA001) == 256
    assert waiting(QUEUED, 1) == 0


def test_what_waits_in_this_machines_own_queues_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert read_waiting(os.getpid(), port) == 0
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert read_waiting(os.getpid(), port) == 1
            with listener.accept()[0] as accepted:
                client.sendall(b"abc")
                assert read_waiting(os.getpid(), port) == 3
                accepted.recv(3)
                assert read_waiting(os.getpid(), port) == 0
