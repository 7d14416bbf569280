"""Commands inside a container, with a clear line between "it ran and ended so" and "it never ran"."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any

from image_harness.engine.answers import require_container, require_execution
from image_harness.engine.client import translated
from image_harness.engine.errors import CommandNotRun, CommandTimedOut, ContainerLost, EngineError
from image_harness.engine.frames import STDERR, read_frames
from image_harness.engine.procfs import is_container_process
from image_harness.engine_api import last_call

if TYPE_CHECKING:
    from docker import APIClient

# What engines write into the command's own output when the runtime could not start it.
_RUNTIME_FAILURE = re.compile(
    r"OCI runtime|exec failed|unable to start container process|no users found|unable to find (user|group)"
    r"|crun:|runc:|executable file .* not found",
    re.IGNORECASE,
)
_NOT_STARTED_CODES = (125, 126, 127)
_KILLED = 128 + signal.SIGKILL
_GRACE = timedelta(seconds=3)
_POLL = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that ran to its end.

    Attributes:
        exit_code: What it ended with; 128 + n for signal n.
        stdout: What it wrote there, undecodable bytes replaced.
        stderr: The same for standard error.
    """

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Execution:
    """Commands in one container.

    Attributes:
        client: The connection to the engine.
        container_id: The container's id.
        where: Its name, for messages.
    """

    client: APIClient
    container_id: str
    where: str

    def run(
        self, argv: Sequence[str], *, user: str | None, environment: Mapping[str, str] | None, limit: timedelta
    ) -> CommandResult:
        """Run a command and wait for its end.

        Raises:
            CommandNotRun: The engine or its runtime could not start it.
            CommandTimedOut: It did not end in time; it was killed where the engine is local.
            ContainerLost: The container is gone, stopped, or ended while the command ran.
        """
        shown = _shown(argv)
        with self._translated(f"{shown} was not started"):
            created = self.client.exec_create(
                self.container_id, list(argv), user=user or "", environment=dict(environment or {})
            )["Id"]
            connection = self.client.exec_start(created, socket=True)
        output = _Output(call=last_call())
        try:
            ended = output.read_all(connection, limit)
            with self._translated(f"how {shown} ended cannot be told"):
                found = self.client.exec_inspect(created)
                require_execution(found, created, self.container_id, argv, self.where)
            if not ended:
                self._kill(int(found.get("Pid") or 0))
        finally:
            _close(connection)
        if not ended:
            what = f"{shown} had not ended after {limit.total_seconds():g} s ({output.call})"
            raise CommandTimedOut(what, where=self.where)
        return self._result(shown, output, found)

    def _result(self, shown: str, output: _Output, found: Mapping[str, Any]) -> CommandResult:
        """Judge what came back."""
        if output.error is not None:
            raise ContainerLost(f"the output of {shown} broke off ({output.call}): {output.error}", where=self.where)
        exit_code = found.get("ExitCode")
        if exit_code is None or exit_code < 0 or found.get("Running"):
            raise ContainerLost(f"the engine does not know how {shown} ended ({output.call})", where=self.where)
        result = CommandResult(int(exit_code), output.text(output.stdout), output.text(output.stderr))
        if never_started(result, pid=int(found.get("Pid") or 0)):
            words = (result.stdout + result.stderr).strip()[:400]
            raise CommandNotRun(f"{shown} was not started: {words}", where=self.where)
        # A command that the end of its container has killed has said nothing about the image.
        if result.exit_code and self._container_ended(killed=result.exit_code == _KILLED):
            raise ContainerLost(f"the container ended while {shown} ran", where=self.where)
        return result

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        from docker.errors import APIError  # noqa: PLC0415

        try:
            with translated(self.where):
                yield
        except EngineError as error:
            if not isinstance(error.__cause__, APIError):
                raise ContainerLost(f"{what}: {error.what}", where=self.where) from error
            if not self._container_runs():
                raise ContainerLost(f"{what}: the container does not run", where=self.where) from error
            raise CommandNotRun(f"{what}: {error.what}", where=self.where) from error

    def _container_ended(self, *, killed: bool) -> bool:
        """Whether the container has ended.

        The end of the first process kills all others, and an engine was seen to report theirs up to 0.2 s before it:
        after a kill the container is given time to show whether it has ended too.
        """
        deadline = time.monotonic() + (_GRACE.total_seconds() if killed else 0)
        while self._container_runs():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL.total_seconds())
        return True

    def _container_runs(self) -> bool:
        from docker.errors import NotFound  # noqa: PLC0415

        try:
            with translated(self.where):
                document: dict[str, Any] = self.client.inspect_container(self.container_id)
                require_container(document, self.container_id, self.where)
                return bool(document["State"]["Running"])
        except EngineError as error:
            if isinstance(error.__cause__, NotFound):
                return False
            raise

    def _kill(self, pid: int) -> None:
        """End a command that ran out of time: the engine's API has no call for it, its host has."""
        if pid and is_container_process(pid, self.container_id):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def never_started(result: CommandResult, *, pid: int) -> bool:
    """Whether an exec that the engine calls finished is one that never began.

    An engine then reports exit code 126 or 127, which a program may also give, and writes its own words as if they were
    the command's. Docker leaves the PID at 0 in this case alone; Podman forgets the PID of every finished command, so
    that its words have to decide.
    """
    if pid or result.exit_code not in _NOT_STARTED_CODES:
        return False
    text = result.stdout + result.stderr
    return not text or _RUNTIME_FAILURE.search(text) is not None


@dataclass(slots=True)
class _Output:
    """What a command has written so far, and how reading it ended.

    Attributes:
        call: The call that it is read from.
        stdout: The pieces that were written there.
        stderr: The same for standard error.
        error: What went wrong.
    """

    call: str
    stdout: list[bytes] = field(default_factory=list)
    stderr: list[bytes] = field(default_factory=list)
    error: Exception | None = None

    def read_all(self, connection: object, limit: timedelta) -> bool:
        """Read until the stream ends; False when it has not within the limit.

        A thread of its own reads: the library's calls know no time limit, and not every connection can be polled.
        """
        reader = threading.Thread(target=self._read, args=(connection,), daemon=True)
        reader.start()
        reader.join(limit.total_seconds())
        return not reader.is_alive()

    @staticmethod
    def text(pieces: Sequence[bytes]) -> str:
        """The pieces as one text."""
        return b"".join(pieces).decode(errors="replace")

    def _read(self, connection: object) -> None:
        try:
            for stream, data in read_frames(_buffered(connection).read1):
                (self.stderr if stream == STDERR else self.stdout).append(data)
        except Exception as error:  # noqa: BLE001 - crosses from the reading thread to the caller
            self.error = error


def _buffered(connection: Any) -> Any:  # noqa: ANN401 - the library hands out parts of the HTTP library
    """What a connection that was taken over is to be read from.

    The library gives the bare socket. What the engine sent at once with the head of its answer is then lost: the HTTP
    library has read it into its own buffer.
    """
    # The thread that reads is waited for no longer than the command may take.
    getattr(connection, "_sock", connection).settimeout(None)
    return connection._response.raw._fp.fp  # noqa: SLF001 - no public way leads there


def _close(connection: Any) -> None:  # noqa: ANN401 - a socket, or the library's stand-in for one
    """Close a connection that was taken out of the HTTP library's hands, which no longer does it."""
    # The socket first ends any read that still waits on it; the response holds one more reference to it.
    socket = getattr(connection, "_sock", connection)
    with contextlib.suppress(OSError):
        socket.shutdown(SHUT_RDWR)
    response = getattr(connection, "_response", None)
    if response is not None:
        response.close()
    with contextlib.suppress(OSError):
        socket.close()


def _shown(argv: Sequence[str]) -> str:
    text = " ".join(argv)
    return repr(text if len(text) <= 120 else f"{text[:117]}...")
