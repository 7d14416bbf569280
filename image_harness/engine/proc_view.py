"""A container's processes and sockets, from this machine's /proc where it runs here, else from inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from image_harness.engine.client import EngineFacts, translated
from image_harness.engine.errors import ContainerLost, EngineError
from image_harness.engine.execution import CommandResult
from image_harness.engine.memory import Memory, read_memory, read_service_memory
from image_harness.engine.podman import NAME as PODMAN
from image_harness.engine.podman import TOP_COLUMNS
from image_harness.engine.procfs import (
    SOCKET_TABLES,
    ListeningSocket,
    ProcessFacts,
    count_descriptors,
    is_container_process,
    listening,
    parse_status,
    program_arguments,
    read_listening_sockets,
    read_processes,
    read_status,
    read_waiting,
)
from image_harness.engine.state import ContainerState
from image_harness.types import Port

if TYPE_CHECKING:
    from docker import APIClient

_TOP_COLUMNS = "-eo pid,uid,gid,comm,args"
_READ_STATUS = "print(open('/proc/1/status').read())"
_READ_TABLES = (
    "import json, os; print(json.dumps({n: open('/proc/self/net/' + n).read()"
    f" for n in {SOCKET_TABLES!r} if os.path.exists('/proc/self/net/' + n)}}))"
)


class RunPython(Protocol):
    """Runs code with an interpreter of the container; see ``Container.python``."""

    def __call__(self, code: str, *, interpreter: str) -> CommandResult:
        """Run it."""


class ProcView:
    """What /proc tells of a container.

    A program that is run inside takes memory that belongs to the container, which may be short of it. Where the engine
    is of this machine none is needed.

    Args:
        client: The engine.
        container_id: What it calls the container.
        name: What messages call it.
        state: Gives its state now.
        python: Runs code inside.
        engine: What the engine is.
    """

    def __init__(
        self,
        client: APIClient,
        container_id: str,
        name: str,
        *,
        state: Callable[[], ContainerState],
        python: RunPython,
        engine: EngineFacts,
    ) -> None:
        self._client = client
        self._id = container_id
        self._name = name
        self._state = state
        self._python = python
        self._columns = TOP_COLUMNS if engine.name == PODMAN else _TOP_COLUMNS

    def required_pid(self) -> int:
        """The first process as this machine numbers it.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is of another machine.
        """
        pid = self._local_pid()
        if pid is None:
            raise EngineError("its processes cannot be looked at: the engine is of another machine", where=self._name)
        return pid

    def processes(self) -> tuple[ProcessFacts, ...]:
        """The processes of the container.

        An engine on another machine is asked for them; it does not know PIDs as the container sees them.

        Raises:
            ContainerLost: It does not run.
        """
        pid = self._local_pid()
        return self._top() if pid is None else read_processes(pid)

    def status(self, *, interpreter: str | None = None) -> Mapping[str, str]:
        """The fields of the first process's /proc/[pid]/status, see proc(5).

        Args:
            interpreter: A Python in the container to read them with where the engine is not of this machine.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is elsewhere and no interpreter was named, or they cannot be read.
        """
        pid = self._local_pid()
        return read_status(pid) if pid is not None else parse_status(self._read_inside(_READ_STATUS, interpreter))

    def descriptors(self) -> int:
        """How many file descriptors the first process has open.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is of another machine.
        """
        return count_descriptors(self.required_pid())

    def memory(self) -> Memory:
        """The memory of all its processes.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is of another machine.
        """
        return read_memory(self.required_pid())

    def service_memory(self) -> Memory:
        """The memory of the first process and of all that it has started: not of a probe that runs just now.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is of another machine.
        """
        return read_service_memory(self.required_pid())

    def listening_sockets(self, *, interpreter: str | None = None) -> tuple[ListeningSocket, ...]:
        """The sockets that listen in the container's network namespace, whoever opened them.

        Args:
            interpreter: A Python in the container to read them with where the engine is not of this machine.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is elsewhere and no interpreter was named, or they cannot be read.
        """
        pid = self._local_pid()
        if pid is not None:
            return read_listening_sockets(pid)
        return listening(json.loads(self._read_inside(_READ_TABLES, interpreter)))

    def waiting(self, port: Port) -> int:
        """How much that was sent to a port no program has taken yet: bytes to be read, connections to be accepted.

        Raises:
            ContainerLost: It does not run.
            EngineError: The engine is of another machine.
        """
        return read_waiting(self.required_pid(), port.number)

    def _local_pid(self) -> int | None:
        """The first process's PID on this machine; None when the engine is elsewhere."""
        state = self._state()
        if not state.running:
            raise ContainerLost(f"does not run (exit code {state.exit_code})", where=self._name)
        return state.pid if is_container_process(state.pid, self._id) else None

    def _read_inside(self, code: str, interpreter: str | None) -> str:
        if interpreter is None:
            raise EngineError("/proc of a container on another machine is only seen from inside it", where=self._name)
        result = self._python(code, interpreter=interpreter)
        if result.exit_code != 0:
            raise EngineError(f"its /proc could not be read: {result.stderr[-400:]}", where=self._name)
        return result.stdout

    def _top(self) -> tuple[ProcessFacts, ...]:
        with translated(self._name):
            table = self._client.top(self._id, ps_args=self._columns)
        return tuple(
            ProcessFacts(None, int(pid), int(uid), int(gid), comm, program_arguments(tuple(arguments.split())))
            for pid, uid, gid, comm, arguments in table["Processes"]
        )
