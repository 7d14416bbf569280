"""Processes and sockets of a container, read from the /proc of the machine that runs it.

No program runs inside the container for this, so it works where there is no shell and at the host's own speed.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image_harness.engine.errors import ContainerLost, EngineError

PROC = Path("/proc")
SOCKET_TABLES = ("tcp", "tcp6", "udp", "udp6")
# Thread states, see proc_pid_stat(5): it sleeps until something happens, or has ended.
_ASLEEP = frozenset("SIZX")
# include/net/tcp_states.h: a TCP socket that listens, and what a bound, unconnected UDP socket shows.
_LISTENING = {"tcp": "0A", "udp": "07"}


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """A process of a container.

    Attributes:
        pid: Its PID inside the container; None when the engine can only tell the host's.
        host_pid: Its PID on the engine's host.
        uid: Effective user id, as the container sees it.
        gid: Effective group id, as the container sees it.
        comm: The kernel's name for it: the program's, also under emulation.
        argv: Its arguments as the program sees them, those that QEMU puts before them taken off.
    """

    pid: int | None
    host_pid: int
    uid: int
    gid: int
    comm: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class ListeningSocket:
    """A socket that accepts connections, or datagrams from anyone."""

    address: str
    port: int
    protocol: str


def is_container_process(pid: int, container_id: str, proc: Path = PROC) -> bool:
    """Whether this machine's process ``pid`` is the container's: false when the engine runs elsewhere."""
    try:
        return container_id in (proc / str(pid) / "cgroup").read_text(errors="replace") or _mounts_name(
            pid, container_id, proc
        )
    except OSError:
        return False


def read_processes(first: int, proc: Path = PROC) -> tuple[ProcessFacts, ...]:
    """All processes in the PID namespace of a container's first one, by PID.

    Raises:
        ContainerLost: That process has ended.
    """
    namespace = _namespace(first, proc)
    found = (_read_member(entry, namespace) for entry in proc.iterdir() if entry.name.isdigit())
    return tuple(sorted((process for process in found if process), key=lambda process: process.pid or 0))


def read_service(first: int, proc: Path = PROC) -> tuple[ProcessFacts, ...]:
    """A container's first process and all that it has started, by PID: not what an engine runs beside it, as a probe.

    Raises:
        ContainerLost: The first process has ended.
    """
    # An orphan becomes a child of the first process; what an engine starts inside keeps a parent outside.
    members, found = {process.host_pid: process for process in read_processes(first, proc)}, {first}
    parents = {pid: _parent(proc / str(pid)) for pid in members}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return tuple(process for pid, process in members.items() if pid in found)


def are_asleep(first: int, proc: Path = PROC) -> bool:
    """Whether all threads in the PID namespace of a container's first process sleep until something happens.

    One that waits for a processor or for a disk does not, nor does one that was stopped.

    Raises:
        ContainerLost: The first process has ended.
    """
    namespace = _namespace(first, proc)
    members = (entry for entry in proc.iterdir() if entry.name.isdigit() and _is_member(entry, namespace))
    return all(state in _ASLEEP for entry in members for state in _thread_states(entry))


def read_listening_sockets(first: int, proc: Path = PROC) -> tuple[ListeningSocket, ...]:
    """All listening sockets in the network namespace of a container's first process.

    Raises:
        ContainerLost: That process has ended.
    """
    return listening(_read_socket_tables(first, proc))


def read_waiting(first: int, port: int, proc: Path = PROC) -> int:
    """How much that was sent to a TCP port in the network namespace of a process no program has taken yet.

    Counts the bytes that wait to be read and the connections that wait to be accepted, see proc_net_tcp in the kernel's
    documentation.

    Raises:
        ContainerLost: That process has ended.
    """
    tables = _read_socket_tables(first, proc)
    return sum(waiting(text, port) for name, text in tables.items() if name.startswith("tcp"))


def _read_socket_tables(first: int, proc: Path) -> dict[str, str]:
    tables: dict[str, str] = {}
    for name in SOCKET_TABLES:
        path = proc / str(first) / "net" / name
        try:
            tables[name] = path.read_text()
        except FileNotFoundError:
            if not path.parent.parent.exists():
                raise ContainerLost("the container's first process has ended") from None
            # A kernel without IPv6 has no such table, and then no such sockets.
        except OSError as error:
            raise ContainerLost(f"the container's sockets cannot be read: {error.strerror}") from error
    if "tcp" not in tables:
        raise EngineError("the container's network namespace has no table of TCP sockets", where=str(proc / str(first)))
    return tables


def read_status(first: int, proc: Path = PROC) -> dict[str, str]:
    """The fields of a process's ``status``, see proc(5).

    Raises:
        ContainerLost: It has ended.
    """
    try:
        return parse_status((proc / str(first) / "status").read_text(errors="replace"))
    except OSError as error:
        raise ContainerLost(f"the container's first process cannot be read: {error.strerror}") from error


def count_descriptors(first: int, proc: Path = PROC) -> int:
    """How many file descriptors a process has open.

    Raises:
        ContainerLost: It has ended.
    """
    try:
        return sum(1 for _ in (proc / str(first) / "fd").iterdir())
    except OSError as error:
        raise ContainerLost(f"the container's first process cannot be read: {error.strerror}") from error


def parse_status(text: str) -> dict[str, str]:
    """The fields in the text of such a file."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))}


def listening(tables: dict[str, str]) -> tuple[ListeningSocket, ...]:
    """The listening sockets in the text of ``/proc/net/{tcp,tcp6,udp,udp6}``, by table name."""
    return tuple(sorted(socket for name, text in tables.items() for socket in parse_sockets(text, name[:3])))


def parse_sockets(text: str, protocol: str) -> tuple[ListeningSocket, ...]:
    """The listening sockets of one such table.

    Raises:
        EngineError: A line is not one of such a table.
    """
    sockets = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            local, state = fields[1], fields[3]
            if state == _LISTENING[protocol]:
                address, _, port = local.partition(":")
                sockets.append(ListeningSocket(_address(address), int(port, 16), protocol))
        except (IndexError, ValueError) as error:
            raise EngineError(f"not a line of a socket table: {line[:80]!r}") from error
    return tuple(sockets)


def waiting(text: str, port: int) -> int:
    """What waits in the receive queues of a local port, in the text of such a table of TCP sockets."""
    rows = [line.split() for line in text.splitlines()[1:]]
    queues = [row[4] for row in rows if int(row[1].rpartition(":")[2], 16) == port]
    return sum(int(queue.rpartition(":")[2], 16) for queue in queues)


def program_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that a program sees, of those that the kernel shows for it when an emulator runs it."""
    if not arguments:
        return arguments
    program = Path(arguments[0]).name
    # Debian's binfmt handlers of this name get: interpreter, path of the program, the program's own argv[0], ...
    if program.endswith("-binfmt-P"):
        return arguments[2:]
    if program.startswith("qemu-") and not program.startswith("qemu-system"):
        return arguments[1:]
    return arguments


def inside_id(outside: int, id_map: str) -> int:
    """A user or group id as a user namespace sees it; 65534, the kernel's own stand-in, when it has no such id."""
    for line in id_map.splitlines():
        inside, start, count = (int(field) for field in line.split())
        if start <= outside < start + count:
            return inside + outside - start
    return 65534


def _namespace(first: int, proc: Path) -> Path:
    try:
        return (proc / str(first) / "ns/pid").readlink()
    except OSError as error:
        raise ContainerLost(f"the container's first process cannot be read: {error.strerror}") from error


def _is_member(entry: Path, namespace: Path) -> bool:
    try:
        return (entry / "ns/pid").readlink() == namespace
    except OSError:  # it has ended since the folder was listed, or belongs to somebody whom we may not look at
        return False


def _thread_states(entry: Path) -> Iterator[str]:
    """The states of a process's threads, each a letter; those that have ended meanwhile are left out."""
    with contextlib.suppress(OSError):
        for thread in (entry / "task").iterdir():
            with contextlib.suppress(OSError):
                # A name may hold anything, a closing bracket as well.
                yield (thread / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]


def _read_member(entry: Path, namespace: Path) -> ProcessFacts | None:
    """A process, if it belongs to the namespace and still lives."""
    try:
        if (entry / "ns/pid").readlink() != namespace:
            return None
        status = {
            name: value.split() for name, value in parse_status((entry / "status").read_text(errors="replace")).items()
        }
        arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        return ProcessFacts(
            pid=int(status["NSpid"][-1]),
            host_pid=int(entry.name),
            uid=inside_id(int(status["Uid"][1]), (entry / "uid_map").read_text()),
            gid=inside_id(int(status["Gid"][1]), (entry / "gid_map").read_text()),
            comm=(entry / "comm").read_text(errors="replace").rstrip("\n"),
            argv=program_arguments(tuple(arguments)),
        )
    except OSError:  # it has ended since the folder was listed, or belongs to somebody whom we may not look at
        return None


def _parent(entry: Path) -> int | None:
    """The parent's PID, as this machine sees it; None once the process has ended."""
    try:
        return int(parse_status((entry / "status").read_text(errors="replace"))["PPid"])
    except OSError:
        return None


def _mounts_name(pid: int, container_id: str, proc: Path) -> bool:
    """Whether the mounts of a process name the container: for engines that put it into no cgroup of its own."""
    return container_id in (proc / str(pid) / "mountinfo").read_text(errors="replace")


def _address(text: str) -> str:
    """The kernel writes addresses as 32-bit words, each in the byte order of the machine (little-endian here)."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
