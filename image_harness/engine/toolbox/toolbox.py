"""Shell commands about a container, run by tools from outside."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self

from image_harness.engine.container import Container
from image_harness.engine.errors import CommandNotRun, EngineError
from image_harness.engine.procfs import is_container_process
from image_harness.engine.toolbox.busybox import applets, find_busybox
from image_harness.engine.toolbox.identity import identity_of, machine_name, native_architecture
from image_harness.engine.toolbox.session import ToolResult, ToolSession
from image_harness.engine.toolbox.shell import REPLACED, TOOLS, missing_program
from image_harness.engine.toolbox.toolset import toolset

_PRELUDE = Path(__file__).with_name("prelude.sh")
# The codes that shells give for a program that they could not start, wherever its message went.
_NOT_STARTED = (126, 127)


class Toolbox:
    """Tools at work in one container.

    Attributes:
        container: The container.
        session: The way into its namespaces.
        pid: Its first process, as this machine numbers it.
    """

    def __init__(self, container: Container, session: ToolSession, pid: int, *, machine: str, shell: str) -> None:
        self.container = container
        self.session = session
        self.pid = pid
        self._machine = machine
        self._shell = shell

    @classmethod
    @contextmanager
    def open(cls, container: Container, *, architecture: str) -> Iterator[Self]:
        """Enter a running container's namespaces.

        Args:
            container: The container.
            architecture: What the image was made for, in the words of GOARCH.

        Raises:
            EngineError: The engine runs on another machine, there is no busybox, or privileges are wanting.
        """
        document = container.inspect()
        pid = int(document["State"]["Pid"])
        if not is_container_process(pid, container.id):
            raise EngineError("tools reach containers on this machine only", where=container.name)
        with (
            toolset(find_busybox(), TOOLS) as tools,
            ToolSession(tools.program, pid, identity_of(pid, document), container.name) as session,
        ):
            yield cls(container, session, pid, machine=machine_name(architecture), shell=tools.shell)

    def shell(self, command: str, *, limit: timedelta) -> ToolResult:
        """Run a command line by the toolbox's shell.

        Raises:
            CommandNotRun: Something in it could not be started.
            CommandTimedOut: It had not ended in time.
            ContainerLost: The container ended before or meanwhile.
        """
        return self._run(self._script('eval "$1"', command), command, limit)

    def tool(self, words: list[str], command: str, *, limit: timedelta) -> ToolResult:
        """Run one tool with arguments, without a shell where none is needed.

        Args:
            words: Its name and arguments.
            command: The same as a command line, for tools that the shell has a replacement for.
            limit: How long it may take.

        Raises:
            CommandNotRun: It could not be started.
            CommandTimedOut: It had not ended in time.
            ContainerLost: The container ended before or meanwhile.
        """
        if words[0] in REPLACED or words[0] not in applets(find_busybox()):
            return self.shell(command, limit=limit)
        return self._run(words, command, limit)

    def find_program(self, name: str, *, limit: timedelta) -> str | None:
        """The path of a program of the image, looked up as the image's user would; None when it has none."""
        result = self.session.run(self._script('_find "$1"', name), limit=limit)
        return result.stdout.decode(errors="replace").strip() or None if result.exit_code == 0 else None

    def _script(self, last: str, argument: str) -> tuple[str, ...]:
        return (self._shell, "-c", f"{self._prelude}\n{last}", "sh", argument)

    def _run(self, argv: Sequence[str], command: str, limit: timedelta) -> ToolResult:
        result = self.session.run(argv, limit=limit)
        missing = missing_program(result.stderr, command)
        if missing is not None:
            raise CommandNotRun(f"{command!r}: there is no program {missing!r} that can be started", where=self._where)
        if result.exit_code in _NOT_STARTED:
            message = f"{command!r}: something in it could not be started (exit code {result.exit_code})"
            raise CommandNotRun(message, where=self._where)
        return result

    @property
    def _where(self) -> str:
        return self.container.name

    @functools.cached_property
    def _prelude(self) -> str:
        native = machine_name(native_architecture())
        parts = [_PRELUDE.read_text(encoding="utf-8")]
        if native != self._machine:
            # The kernel names the host's machine to a native tool; the image's programs are told their own.
            parts.append(f'uname() {{ busybox uname "$@" | sed "s/{native}/{self._machine}/g"; }}')
        return "\n".join(parts)
