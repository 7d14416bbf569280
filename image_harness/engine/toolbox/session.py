"""Runs busybox in a container's namespaces, from outside."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from image_harness.engine.errors import CommandNotRun, CommandTimedOut, ContainerLost, EngineError
from image_harness.engine.toolbox.identity import Identity

_ZYGOTE = Path(__file__).with_name("zygote.py")
_MESSAGE = 1 << 20
_NOT_STARTED = 125
MOST_OUTPUT = 64 * 1024 * 1024
# Errors that say for certain that nothing is there.
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
# How long, in seconds, the helper may take for what takes milliseconds on an idle machine.
_PATIENCE = 30.0


class _TooMuch(Exception):  # noqa: N818 - never leaves this module
    """A program wrote more than anybody would want to keep."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A program of the toolbox that ran to its end.

    Attributes:
        exit_code: What it ended with; 128 + n for signal n.
        stdout: What it wrote there.
        stderr: The same for standard error.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """What stat(2) says of a file.

    Attributes:
        mode: Type and permission bits.
        inode: Its number.
        links: How many names it has.
        uid: Its owner, as the container sees it.
        gid: Its group, likewise.
        size: In bytes.
        modified: Seconds since 1970.
    """

    mode: int
    inode: int
    links: int
    uid: int
    gid: int
    size: int
    modified: int


class ToolSession:
    """A way into one container's namespaces, open as long as the context lasts; one command at a time, any thread.

    What the helper answers belongs to what it was asked last. After a request that was left before its last answer
    came - by a signal, or because it took too long - the helper is another one.

    Args:
        busybox: A statically linked busybox of this machine's architecture.
        pid: The container's first process, as this machine numbers it.
        identity: As whom, where and with which environment commands run.
        where: The container's name.

    Raises:
        EngineError: The namespaces cannot be entered.
    """

    def __init__(self, busybox: Path, pid: int, identity: Identity, where: str) -> None:
        self._busybox = busybox
        self._pid = pid
        self._identity = identity
        self._where = where
        self._lock = threading.Lock()
        self._helper: _Helper | None = None
        try:
            # As long as this stays open and has not ended, its PID is no other process's.
            self._first = os.pidfd_open(pid)
        except OSError as error:
            raise self._not_entered(str(error)) from error
        try:
            with self._exchange():
                pass
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the namespaces."""
        if self._helper is not None:
            self._helper.close()
            self._helper = None
        if self._first >= 0:
            os.close(self._first)
            self._first = -1

    def require_running(self) -> None:
        """Make sure that the container's first process has not ended, so that its PID means no other one.

        Raises:
            ContainerLost: It has.
        """
        end = select.poll()
        if self._first >= 0:
            end.register(self._first, select.POLLIN)
        if self._first < 0 or end.poll(0):
            raise self._lost({"error": "its first process has ended"})

    def run(self, argv: Sequence[str], *, limit: timedelta) -> ToolResult:
        """Run busybox under a name, ``argv[0]``, with arguments.

        Raises:
            CommandNotRun: It could not be started.
            CommandTimedOut: It had not ended in time, and was ended.
            ContainerLost: The container ended before or meanwhile.
            EngineError: Its output was too long.
        """
        deadline = time.monotonic() + limit.total_seconds()
        with self._exchange() as helper, contextlib.ExitStack() as stack:
            ends = self._send(helper, self._identity.as_request() | {"argv": list(argv)}, stack, outputs=2)
            started = helper.receive(_PATIENCE)
            if "pid" not in started:
                raise self._lost(started)
            try:
                output = self._read(ends, deadline)
                exit_code = helper.receive(max(0.0, deadline - time.monotonic()))["exit_code"]
            except (TimeoutError, _TooMuch) as error:
                with contextlib.suppress(OSError):
                    os.kill(int(started["pid"]), signal.SIGTERM)
                helper.receive(_PATIENCE)
                if isinstance(error, _TooMuch):
                    raise EngineError(f"{argv[-1]!r} wrote more than {MOST_OUTPUT} bytes", where=self._where) from None
                raise CommandTimedOut(
                    f"{argv[-1]!r} had not ended after {limit.total_seconds():g} s", where=self._where
                ) from None
            except KeyError:
                raise self._lost({}) from None
        return self._judge(exit_code, output, argv)

    def look(self, path: str, *, follow: bool) -> Seen | None:
        """What is at a path; None when nothing is there, its folder having been looked into.

        Raises:
            CommandNotRun: It could not be looked at.
            ContainerLost: The container ended.
        """
        answer = self._ask({"look": self._absolute(path), "follow": follow})
        number = answer.get("errno")
        if number in _ABSENT:
            return None
        if number is not None:
            raise CommandNotRun(f"{path} cannot be looked at: {os.strerror(number)}", where=self._where)
        return Seen(*answer["fields"])

    def resolve(self, path: str) -> str | None:
        """A path without links, whose last part may be missing; None when more of it is.

        Raises:
            ContainerLost: The container ended.
        """
        return self._ask({"about": "resolve", "path": self._absolute(path)}).get("path")

    def followed(self, path: str) -> str | None:
        """A path as far as its links can be followed from outside; None for what no path can hold.

        Raises:
            ContainerLost: The container ended.
        """
        answer = self._ask({"about": "followed", "path": self._absolute(path)})
        return answer.get("path") or answer.get("stopped")

    def names(self, path: str) -> list[str] | None:
        """The names in a directory, in no order; None when it is none or cannot be listed in one message.

        Raises:
            ContainerLost: The container ended.
        """
        return self._ask({"about": "names", "path": self._absolute(path)}).get("names")

    def read(self, path: str, *, limit: timedelta) -> bytes | None:
        """The content of a regular file; None when it is none or cannot be read.

        Raises:
            ContainerLost: The container ended.
            EngineError: It is too long.
        """
        deadline = time.monotonic() + limit.total_seconds()
        with self._exchange() as helper, contextlib.ExitStack() as stack:
            ends = self._send(helper, {"read": self._absolute(path)}, stack, outputs=1)
            try:
                (content,) = self._read(ends, deadline)
            except (TimeoutError, _TooMuch):
                stack.close()  # with nobody to read it, the helper stops writing
                helper.receive(_PATIENCE)
                raise EngineError(f"{path} is too long to read", where=self._where) from None
            answer = helper.receive(_PATIENCE)
        if not answer or "error" in answer:
            raise self._lost(answer)
        return content if "read" in answer else None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._exchange() as helper, contextlib.ExitStack() as stack:
            self._send(helper, request, stack, outputs=0)
            answer = helper.receive(_PATIENCE)
        if not answer or "error" in answer:
            raise self._lost(answer)
        return answer

    def _absolute(self, path: str) -> str:
        return os.path.join(self._identity.directory, path)  # noqa: PTH118 - must keep the path's ending as it is

    @contextlib.contextmanager
    def _exchange(self) -> Iterator[_Helper]:
        """The helper, for a request and its answers alone; one that has been asked for more is left."""
        with self._lock:
            try:
                if self._helper is None:
                    self._helper = self._enter()
                yield self._helper
            except BaseException as error:
                if self._helper is not None:
                    self._helper.kill()
                    self._helper = None
                if isinstance(error, TimeoutError):
                    raise EngineError(f"its helper did not answer within {_PATIENCE:g} s", where=self._where) from None
                raise

    def _enter(self) -> _Helper:
        self.require_running()
        helper = _Helper(self._busybox, self._pid)
        try:
            answer = helper.receive(_PATIENCE)
            if "ready" not in answer:
                raise self._not_entered(answer.get("error", "the helper ended"))
        except BaseException:
            helper.kill()
            raise
        return helper

    def _not_entered(self, reason: str) -> EngineError:
        return EngineError(
            f"the container's namespaces cannot be entered ({reason})",
            where=self._where,
            fix="run as root, or as the user whom the rootless engine runs as",
        )

    def _send(
        self, helper: _Helper, request: dict[str, Any], stack: contextlib.ExitStack, *, outputs: int
    ) -> list[int]:
        """Send a request with pipes for its outputs; the ends to read from, closed with the stack."""
        pipes = [os.pipe() for _ in range(outputs)]
        ends = [stack.enter_context(os.fdopen(reading, "rb", buffering=0)).fileno() for reading, _ in pipes]
        try:
            socket.send_fds(helper.control, [json.dumps(request).encode()], [writing for _, writing in pipes])
        except OSError as error:
            raise self._lost({"error": str(error)}) from error
        finally:
            for _, writing in pipes:
                os.close(writing)
        return ends

    def _lost(self, answer: dict[str, Any]) -> ContainerLost:
        reason = answer.get("error", "the helper ended")
        return ContainerLost(f"nothing runs in its namespaces any more ({reason})", where=self._where)

    def _judge(self, exit_code: int, output: list[bytes], argv: Sequence[str]) -> ToolResult:
        if exit_code < 0:
            # The kernel kills what is left in a PID namespace when its first process ends.
            raise ContainerLost(f"{argv[-1]!r} was killed: the container ended", where=self._where)
        if exit_code == _NOT_STARTED and output[1].startswith(b"zygote: "):
            raise CommandNotRun(
                f"{argv[-1]!r} was not started: {output[1].decode(errors='replace')[8:].strip()}", where=self._where
            )
        return ToolResult(exit_code, *output)

    @staticmethod
    def _read(ends: list[int], deadline: float) -> list[bytes]:
        """Both outputs, read to their ends."""
        pieces: dict[int, list[bytes]] = {end: [] for end in ends}
        length = 0
        with selectors.DefaultSelector() as selector:
            for end in ends:
                selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    length += len(data)
                    pieces[key.fd].append(data)
                    if not data:
                        selector.unregister(key.fd)
                if length > MOST_OUTPUT:
                    raise _TooMuch
        return [b"".join(pieces[end]) for end in ends]


class _Helper:
    """A process in a container's namespaces, see `zygote`.

    Args:
        busybox: What it runs.
        pid: Whose namespaces it enters.
    """

    def __init__(self, busybox: Path, pid: int) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            program = os.open(busybox, os.O_RDONLY)
            try:
                descriptors = (theirs.fileno(), program)
                command = [sys.executable, "-I", "-S", str(_ZYGOTE), *map(str, descriptors), str(pid)]
                self._process = subprocess.Popen(
                    command, pass_fds=descriptors, stdin=subprocess.DEVNULL, start_new_session=True
                )
            finally:
                os.close(program)
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()

    def receive(self, seconds: float) -> dict[str, Any]:
        """Its next message; an empty one when it has ended.

        Raises:
            TimeoutError: There is none in time.
        """
        self.control.settimeout(seconds or 0.001)
        try:
            message = self.control.recv(_MESSAGE)
        except TimeoutError:
            raise
        except OSError:
            return {}
        return dict(json.loads(message)) if message else {}

    def close(self) -> None:
        """Let it end."""
        self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self.kill()

    def kill(self) -> None:
        """End it, and with it what it is about to do."""
        self.control.close()
        self._process.kill()
        self._process.wait()
