"""A genuine testinfra host for a container without a shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import testinfra.host  # type: ignore[import-untyped]
import testinfra.modules  # type: ignore[import-untyped]
from testinfra.backend.base import BaseBackend  # type: ignore[import-untyped]
from testinfra.backend.base import CommandResult as TestinfraResult

from image_harness.engine.container import Container
from image_harness.engine.errors import CommandNotRun
from image_harness.engine.toolbox.reports import OWN_TOOLS, Reports
from image_harness.engine.toolbox.session import ToolResult
from image_harness.engine.toolbox.shell import is_image_program, simple_words
from image_harness.engine.toolbox.toolbox import Toolbox

LIMIT = timedelta(minutes=1)


class ContainerBackend(BaseBackend):  # type: ignore[misc]  # testinfra has no types
    """Runs what testinfra's modules and a caller ask for.

    Programs of the image are run by the engine, as the image would run them; everything else is done by tools of this
    machine in the container's namespaces. A command that could not be run raises, and is never a result.

    Args:
        toolbox: The tools.
        interpreter: The image's Python.
        for_modules: Whether the modules ask, who find their tools whether or not the image has such programs.
    """

    NAME = "container"

    def __init__(self, toolbox: Toolbox, *, interpreter: str, for_modules: bool, limit: timedelta = LIMIT) -> None:
        super().__init__(hostname=toolbox.container.name)
        self._toolbox = toolbox
        self._reports = Reports(toolbox, interpreter=interpreter, limit=limit)
        self._for_modules = for_modules
        self._limit = limit

    def get_encoding(self) -> str:
        """The encoding of outputs."""
        return "utf-8"

    def run(self, command: str, *args: str, **_: Any) -> TestinfraResult:  # noqa: ANN401 - testinfra's signature
        """Run a command line.

        Raises:
            CommandNotRun: It, or something in it, could not be started.
            CommandTimedOut: It had not ended in time.
            ContainerLost: The container ended before or meanwhile.
        """
        line = self.get_command(command, *args)
        result = self._run(line)
        return self.result(result.exit_code, line.encode(errors="surrogateescape"), result.stdout, result.stderr)

    def _run(self, line: str) -> ToolResult:
        if self._for_modules:
            line = self._reports.rewrite(line)
        words = simple_words(line)
        if words is None:
            found = self._reports.pipeline(line) if self._for_modules else None
            return found or self._toolbox.shell(line, limit=self._limit)
        if self._for_modules and words[:2] == ["command", "-v"] and words[-1] in OWN_TOOLS:
            return ToolResult(0, f"{words[-1]}\n".encode(), b"")
        found = self._reports.answer(words)
        if found is not None:
            return found
        if is_image_program(words[0]):
            return self._image_program(words)
        return self._toolbox.tool(words, line, limit=self._limit)

    def _image_program(self, words: list[str]) -> ToolResult:
        path = self._toolbox.find_program(words[0], limit=self._limit)
        if path is None:
            where = self._toolbox.container.name
            raise CommandNotRun(f"{words[0]!r} was not started: the image has no such program", where=where)
        result = self._toolbox.container.run((path, *words[1:]), limit=self._limit)
        return ToolResult(result.exit_code, result.stdout.encode(), result.stderr.encode())


class ContainerHost(testinfra.host.Host):  # type: ignore[misc]  # testinfra has no types
    """A testinfra host: its modules find their tools, while ``exists`` and ``find_command`` speak of the image."""

    def __init__(self, toolbox: Toolbox, *, interpreter: str) -> None:
        super().__init__(ContainerBackend(toolbox, interpreter=interpreter, for_modules=False))
        self.backend.set_host(self)
        self._toolbox = toolbox
        self._inner = testinfra.host.Host(ContainerBackend(toolbox, interpreter=interpreter, for_modules=True))
        self._inner.backend.set_host(self._inner)

    def exists(self, command: str) -> bool:
        """Whether the image has a program of this name on its PATH."""
        return self._toolbox.find_program(command, limit=LIMIT) is not None

    def find_command(self, command: str, extrapaths: Iterable[str] = ("/sbin", "/usr/sbin")) -> str:
        """The path of a program of the image.

        Raises:
            ValueError: It has none of this name.
        """
        for name in (command, *(f"{folder}/{command}" for folder in extrapaths)):
            path = self._toolbox.find_program(name, limit=LIMIT)
            if path is not None:
                return path
        raise ValueError(f"the image has no program {command!r}")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - testinfra's modules have no types
        if name in testinfra.modules.modules:
            return getattr(self._inner, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@contextmanager
def inspect(
    container: Container, *, architecture: str, interpreter: str = "/usr/bin/python3"
) -> Iterator[ContainerHost]:
    """A testinfra host for a running container, as long as the context lasts.

    Args:
        container: The container.
        architecture: What the image was made for, in the words of GOARCH.
        interpreter: The image's Python.

    Raises:
        EngineError: The engine runs on another machine, there is no busybox, or privileges are wanting.
    """
    with Toolbox.open(container, architecture=architecture) as toolbox:
        yield ContainerHost(toolbox, interpreter=interpreter)
