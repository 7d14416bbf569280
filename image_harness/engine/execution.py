"""Commands inside a container, with a clear line between "it ran and ended so" and "it never ran"."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from image_harness.engine.errors import CommandNotRun, CommandTimedOut, ContainerLost
from image_harness.engine.procfs import is_container_process

if TYPE_CHECKING:
    from docker import APIClient

# What engines write into the command's own output when the runtime could not start it.
_RUNTIME_FAILURE = re.compile(
    r"OCI runtime|exec failed|unable to start container process|no users found|unable to find (user|group)|no such file"
    r"|crun:|runc:|executable file .* not found",
    re.IGNORECASE,
)
_NOT_STARTED_CODES = (125, 126, 127)


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


@dataclass(slots=True)
class _Output:
    """What a command has written so far, and how reading it ended."""

    stdout: list[bytes] = field(default_factory=list)
    stderr: list[bytes] = field(default_factory=list)
    error: Exception | None = None

    def read(self, stream: Iterator[tuple[bytes | None, bytes | None]]) -> None:
        try:
            for out, err in stream:
                self.stdout.append(out or b"")
                self.stderr.append(err or b"")
        except Exception as error:  # noqa: BLE001 - crosses from the reading thread to the caller
            self.error = error


def execute(
    client: APIClient,
    container_id: str,
    where: str,
    argv: Sequence[str],
    *,
    user: str | None,
    environment: Mapping[str, str] | None,
    limit: timedelta,
) -> CommandResult:
    """Run a command in a running container.

    Raises:
        CommandNotRun: The engine or its runtime could not start it.
        CommandTimedOut: It did not end in time; it was killed where the engine is local.
        ContainerLost: The container is gone, stopped, or ended while the command ran.
    """
    output = _Output()
    with _not_run(client, container_id, where, argv):
        created = client.exec_create(container_id, list(argv), user=user or "", environment=dict(environment or {}))
        stream = client.exec_start(created["Id"], stream=True, demux=True)
    reader = threading.Thread(target=output.read, args=(stream,), name=f"exec in {where}", daemon=True)
    reader.start()
    reader.join(limit.total_seconds())
    with _not_run(client, container_id, where, argv):
        found = client.exec_inspect(created["Id"])
    if reader.is_alive():
        _kill(int(found.get("Pid") or 0), container_id)
        reader.join(1)
        raise CommandTimedOut(f"{_shown(argv)} had not ended after {limit.total_seconds():g} s", where=where)
    result = CommandResult(
        exit_code=-1 if found.get("ExitCode") is None else int(found["ExitCode"]),
        stdout=b"".join(output.stdout).decode(errors="replace"),
        stderr=b"".join(output.stderr).decode(errors="replace"),
    )
    if output.error is not None:
        raise ContainerLost(f"the output of {_shown(argv)} broke off: {output.error}", where=where)
    if never_started(result, pid=int(found.get("Pid") or 0)):
        raise CommandNotRun(f"{_shown(argv)} was not started: {(result.stdout + result.stderr).strip()[:400]}", where=where)
    if found.get("Running") or result.exit_code < 0 or (result.exit_code and not _runs(client, container_id)):
        raise ContainerLost(f"the container ended while {_shown(argv)} ran", where=where)
    return result


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


@contextlib.contextmanager
def _not_run(client: APIClient, container_id: str, where: str, argv: Sequence[str]) -> Iterator[None]:
    from docker.errors import APIError, DockerException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except APIError as error:
        if not _runs(client, container_id):
            raise ContainerLost(f"{_shown(argv)} was not started: the container does not run", where=where) from error
        raise CommandNotRun(f"{_shown(argv)} was not started: {error.explanation or error}", where=where) from error
    except (DockerException, RequestException, OSError) as error:
        raise CommandNotRun(f"{_shown(argv)} was not started: {error}", where=where) from error


def _runs(client: APIClient, container_id: str) -> bool:
    from docker.errors import APIError  # noqa: PLC0415

    try:
        document: dict[str, Any] = client.inspect_container(container_id)
    except APIError:
        return False
    return bool(document["State"]["Running"])


def _kill(pid: int, container_id: str) -> None:
    """End a command that ran out of time: the engine's API has no call for it, its host has."""
    if pid and is_container_process(pid, container_id):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _shown(argv: Sequence[str]) -> str:
    text = " ".join(argv)
    return repr(text if len(text) <= 120 else f"{text[:117]}...")
