"""The same module calls through stock testinfra and through this backend, on a Debian that has what stock needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import testinfra  # type: ignore[import-untyped]
import testinfra.host  # type: ignore[import-untyped]

from image_harness.engine import Container
from image_harness.engine.toolbox.host import ContainerHost, inspect
from image_harness.engine.toolbox.identity import native_architecture

pytestmark = [pytest.mark.engine, pytest.mark.slow]

_FILE = (
    "exists is_file is_directory is_executable is_pipe is_socket is_symlink user group uid gid mode size mtime"
    " md5sum sha256sum linked_to content"
)
_PATHS = ("/etc/passwd", "/link", "/private", "/a b/it's", "/bin/cat", "/usr")
_ABSENT = ("/nowhere", "/nowhere/below", "/etc/passwd/below", "/dangling")

Look = Callable[[testinfra.host.Host], Any]


def attribute(path: str, name: str) -> Look:
    return lambda host: getattr(host.file(path), name)


LOOKS: dict[str, Look] = {
    **{f"{path} {name}": attribute(path, name) for path in _PATHS[:5] for name in _FILE.split()},
    **{f"{path} {name}": attribute(path, name) for path in _ABSENT for name in ("exists", "is_file", "is_symlink")},
    "directory": lambda host: (
        host.file("/usr").is_directory,
        host.file("/usr").mode,
        sorted(host.file("/usr").listdir()),
    ),
    "pipe": lambda host: (host.file("/pipe").is_pipe, host.file("/pipe").is_file),
    "set-uid": lambda host: host.file("/a b").mode,
    "contains": lambda host: [host.file("/etc/passwd").contains(text) for text in ("^root:", "no such line")],
    "process": lambda host: [
        (process.pid, process.ppid, process.user, process.args, process.lstart)
        for process in host.process.filter(comm="sleep")
    ],
    "process by user": lambda host: [process.comm for process in host.process.filter(user="root", comm="perl")],
    "process memory": lambda host: host.process.get(comm="sleep").rss > 0,
    "no process": lambda host: host.process.filter(comm="nginx"),
    "listening": lambda host: host.socket.get_listening_sockets(),
    "socket": lambda host: [host.socket(f"tcp://0.0.0.0:{port}").is_listening for port in (8000, 8001)],
    "port": lambda host: [host.addr("127.0.0.1").port(port).is_reachable for port in (8000, 8001)],
    "name": lambda host: sorted(host.addr("localhost").ip_addresses),
    "command": lambda host: (host.run("ls /nowhere").rc != 0, host.check_output("echo %s", "it's *")),
    "streams": lambda host: (host.run("echo a; echo b >&2; exit 7").rc, host.run("echo a; echo b >&2").stderr),
    "exists": lambda host: [host.exists(name) for name in ("ls", "sh", "perl", "wget", "vi", "no-such")],
    "find_command": lambda host: host.find_command("ls"),
    # Stock testinfra's shell adds PWD to what the container has.
    "environment": lambda host: {name: value for name, value in host.environment().items() if name != "PWD"},
    "me": lambda host: (host.user().name, host.user().uid, host.user().gid, host.user().group, host.user().groups),
    "user": lambda host: (
        host.user("games").uid,
        host.user("games").home,
        host.user("games").shell,
        host.user("x").exists,
    ),
    "users": lambda host: (host.user().get_all_users, host.user().get_local_users),
    "shadow": lambda host: (host.user("root").password, host.user("root").password_max_days),
    "group": lambda host: (host.group("tty").gid, host.group("tty").members, host.group("x").exists),
    "groups": lambda host: host.group("tty").get_all_groups,
    "mounts": lambda host: [(m.path, m.filesystem, m.options) for m in host.mount_point.get_mountpoints()],
    "mount": lambda host: (host.mount_point("/proc").device, host.mount_point("/nowhere").exists),
    "interfaces": lambda host: (host.interface.names(), host.interface("lo").addresses, host.interface("eth0").exists),
    "link": lambda host: host.interface("lo").link,
    "system": lambda host: host.system_info.sysinfo,
    "sysctl": lambda host: (host.sysctl("kernel.hostname"), host.sysctl("kernel.pid_max")),
    "find": lambda host: sorted(host.check_output("find /etc -maxdepth 1 -name %s", "*.conf").splitlines()),
    "pipeline": lambda host: host.check_output("cut -d: -f1 /etc/passwd | sort | head -n 3 | tr '\\n' ,"),
    "package": lambda host: (host.package("libc6").is_installed, host.package("libc6").version),
}


@pytest.fixture(scope="module")
def stock(debian: Container) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{debian.name}")


@pytest.fixture(scope="module")
def ours(debian: Container) -> Iterator[ContainerHost]:
    with inspect(debian, architecture=native_architecture()) as host:
        yield host


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_the_answers_are_the_same(look: Look, stock: testinfra.host.Host, ours: ContainerHost) -> None:
    assert look(ours) == look(stock)
