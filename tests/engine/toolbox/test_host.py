"""A shell-less, emulated container through testinfra: right answers, and no answer where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import testinfra.host  # type: ignore[import-untyped]

from image_harness.engine import CommandNotRun, CommandTimedOut, Container, ContainerLost, Engine, RunOptions
from image_harness.engine.toolbox.host import ContainerHost, inspect
from image_harness.engine.toolbox.toolbox import Toolbox

from .conftest import IMAGE, LISTENER, PYTHON, require_busybox, started

pytestmark = pytest.mark.engine
SITE_PACKAGES = "/usr/local/lib/python3.11/site-packages"


def test_it_is_a_testinfra_host(host: ContainerHost) -> None:
    assert isinstance(host, testinfra.host.Host)
    assert host.backend.get_connection_type() == "container"


def test_files(host: ContainerHost) -> None:
    passwd = host.file("/etc/passwd")
    assert (passwd.exists, passwd.is_file, passwd.is_directory, passwd.mode) == (True, True, False, 0o644)
    assert (passwd.user, passwd.group, passwd.uid, passwd.gid) == ("root", "root", 0, 0)
    assert "nonroot" in passwd.content_string
    assert passwd.size == len(passwd.content)
    assert passwd.contains("^nonroot:")
    assert not passwd.contains("no such line")
    assert host.file("/usr/bin/python3").linked_to == PYTHON
    assert {"resource_monitor", "__init__.py"} <= set(host.file("/app").listdir())
    assert not host.file("/bin/sh").exists
    assert not host.file("/nowhere/at/all").exists


def test_what_only_root_may_read_is_seen_and_permissions_are_still_the_user_s(host: ContainerHost) -> None:
    assert host.file("/root").listdir() == []
    assert not host.file("/root/missing").exists
    assert host.run("test -w /etc/passwd").rc == 1
    assert host.run("test -r /root").rc == 1


def test_processes_without_the_one_that_looks(host: ContainerHost) -> None:
    assert [process.pid for process in host.process.filter()] == [1]
    first = host.process.get(comm="python3.11")
    assert (first.user, first.ppid) == ("nonroot", 0)
    assert first.args.startswith(f"{PYTHON} -c import socket")
    assert first.rss > 1000


def test_sockets(host: ContainerHost) -> None:
    assert host.socket.get_listening_sockets() == ["tcp://0.0.0.0:8093", "unix:///dev/shm/listener"]
    assert host.socket("tcp://0.0.0.0:8093").is_listening
    assert not host.socket("tcp://0.0.0.0:8094").is_listening
    assert host.socket("unix:///dev/shm/listener").is_listening
    assert not host.socket("unix:///dev/shm/bound").is_listening
    assert not host.socket("unix:///dev/shm/none").is_listening
    assert host.addr("127.0.0.1").port(8093).is_reachable
    assert not host.addr("127.0.0.1").port(8094).is_reachable


def test_system_accounts_mounts_and_network(host: ContainerHost, request: pytest.FixtureRequest) -> None:
    assert host.system_info.arch == "aarch64"
    assert host.system_info.type == "linux"
    assert (host.user().name, host.user().uid) == ("nonroot", 65532)
    assert (host.user("nonroot").home, host.user("nonroot").shell) == ("/home/nonroot", "/sbin/nologin")
    assert not host.user("nobody-of-that-name").exists
    assert host.group("tty").gid == 5
    assert not host.group("no-such-group").exists
    assert not host.group("").exists
    mode = "ro" if "read-only" in request.node.name else "rw"
    assert host.mount_point("/").options[0] == mode
    assert host.mount_point("/proc").filesystem == "proc"
    assert not host.mount_point("/app").exists
    assert host.interface("lo").addresses == ["127.0.0.1", "::1"]
    assert host.interface.names() == ["lo"]
    assert not host.interface("eth0").exists
    assert host.sysctl("kernel.ostype") == "Linux"
    assert set(host.addr("localhost").ip_addresses) == {"127.0.0.1", "::1"}


def test_the_environment_is_the_container_s(host: ContainerHost) -> None:
    environment = host.environment()
    assert environment["RDP_MONITOR_PORT"] == "8093"
    assert environment["HOME"] == "/home/nonroot"
    assert set(environment) - {"PWD"} == set(host.run(f"{PYTHON} -c 'import os; print(*os.environ)'").stdout.split())


def test_packages_of_the_image_s_interpreter(host: ContainerHost) -> None:
    packages = host.pip.get_packages()
    assert packages["fastapi"]["version"] == host.pip("fastapi").version
    assert host.pip("pydantic_settings").is_installed
    assert not host.pip("no-such-package").is_installed


def test_tools_look_and_the_image_s_programs_run(host: ContainerHost) -> None:
    assert host.check_output("find %s -maxdepth 1 -name %s", "/app", "*.py") == "/app/__init__.py"
    assert host.check_output("grep -c . /etc/group | tr -d '\\n'") == "5"
    result = host.run(f"{PYTHON} -c %s", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (result.rc, result.stdout, result.stderr) == (3, "out\n", "err\n")


@pytest.mark.parametrize(
    "command",
    ["curl --version", "wget x", "/bin/sh -c true", "sh -c true", "wget x || true", "ls / | curl -", "timeout 1 bash",
     "/etc/passwd", "A=b curl", "dpkg-deb --help", "env sh -c 'echo hi'", "timeout 5 sh -c 'echo hi'",
     "exec sh -c 'echo hi'", "env wget --help", "xargs sh -c 'echo hi' </dev/null", "true; run-parts --help",
     "time sh -c true", "busybox sh -c true", "find /app -maxdepth 0 -exec sh -c true {} +", "echo sh | xargs env",
     "find /app -maxdepth 0 -exec rm -i {} \\;", "kill -0 1", "true; kill -0 1",
     "curl -s x 2>/dev/null", "nosuch 2>&1", "/etc/passwd 2>/dev/null", "timeout 1 bash 2>/dev/null",
     "command -v sh || sh 2>/dev/null"],
)  # fmt: skip
def test_a_program_that_the_image_has_not_got_raises(host: ContainerHost, command: str) -> None:
    with pytest.raises(CommandNotRun):
        host.run(command)


def test_existence_is_the_image_s(host: ContainerHost) -> None:
    assert host.exists("python3.11")
    assert host.find_command("python3.11") == PYTHON
    assert [name for name in ("sh", "busybox", "cat", "ls", "wget", "ps", "ip") if host.exists(name)] == []
    with pytest.raises(ValueError, match="wget"):
        host.find_command("wget")
    assert host.run("which ls python3.11").stdout == f"{PYTHON}\n"
    assert [host.run(f"{ask} sh").rc for ask in ("command -v", "true; command -v", "type", "which")] == [1, 1, 1, 1]


def test_the_container_is_as_it_was(host: ContainerHost, distroless: Container) -> None:
    host.file("/etc/passwd").content  # noqa: B018 - is a property that runs a program
    assert "busybox" not in host.check_output("cat /proc/mounts")
    inside = "import os; print(*(n for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid()))"
    assert distroless.python(inside).stdout.split() == ["1"]
    assert distroless.changes() == ()


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/proc/self/status", True),
        ("/proc/self/exe", True),
        ("/proc/mounts", True),
        ("/dev/fd", True),
        ("/dev/stdout", True),
        ("/proc/self/nothing", False),
        ("/proc/nothing", False),
    ],
)
def test_what_is_a_process_s_own_is_there(host: ContainerHost, path: str, there: bool) -> None:
    assert host.file(path).exists is there


def test_what_runs_inside_has_nothing_of_the_helper(host: ContainerHost) -> None:
    assert host.check_output("ls /proc/self/fd").split() == ["0", "1", "2", "3"]


def test_a_path_may_be_no_text(host: ContainerHost) -> None:
    assert not host.file("/caf\udce9").exists


def test_a_path_that_cannot_be_looked_at_is_not_absent(host: ContainerHost) -> None:
    with pytest.raises(CommandNotRun, match=r"cannot be looked at: File name too long"):
        assert host.file("/" + "x" * 300).exists


def test_a_command_that_does_not_end_is_ended(distroless: Container) -> None:
    with Toolbox.open(distroless, architecture="arm64") as toolbox:
        start = time.monotonic()
        with pytest.raises(CommandTimedOut, match=r"0\.5 s"):
            toolbox.shell("sleep 60 & sleep 61", limit=timedelta(seconds=0.5))
        assert time.monotonic() - start < 5
        assert [process.pid for process in distroless.proc.processes()] == [1]
        assert toolbox.shell("echo after", limit=timedelta(seconds=10)).stdout == b"after\n"


def test_output_is_bytes_of_any_length(distroless: Container) -> None:
    with Toolbox.open(distroless, architecture="arm64") as toolbox:
        result = toolbox.shell("head -c 3000000 /dev/zero; printf '\\377' >&2", limit=timedelta(seconds=20))
    assert (len(result.stdout), result.stderr) == (3_000_000, b"\xff")


def test_nothing_that_a_command_started_outlives_it(distroless: Container) -> None:
    with Toolbox.open(distroless, architecture="arm64") as toolbox:
        toolbox.shell("(sleep 60 >/dev/null 2>&1 &) ; timeout 30 true", limit=timedelta(seconds=10))
        assert [process.pid for process in distroless.proc.processes()] == [1]


def test_a_lost_container_raises(engine: Engine) -> None:
    require_busybox()
    options = RunOptions(command=(PYTHON, "-c", LISTENER), network="none")
    with (
        started(engine, IMAGE, options) as container,
        inspect(container, architecture="arm64", interpreter=PYTHON) as host,
    ):
        loopback = host.interface("lo")
        assert host.file("/etc/passwd").exists
        assert loopback.exists
        container.signal("SIGKILL")
        container.wait_exit(timedelta(seconds=20))
        looks: list[Callable[[], object]] = [
            lambda: host.file("/etc/passwd").exists,
            lambda: host.run("ls /"),
            lambda: host.run(PYTHON),
            lambda: loopback.exists,
        ]
        for look in looks:
            with pytest.raises(ContainerLost):
                look()


def test_a_property_costs_little_once_warm(host: ContainerHost) -> None:
    passwd = host.file("/etc/passwd")
    times = []
    for _ in range(30):
        start = time.perf_counter()
        passwd.mode  # noqa: B018 - is a property that runs a program
        times.append(time.perf_counter() - start)
    # The best of many: other processes of the machine are not what is measured.
    assert min(times) < 0.005
