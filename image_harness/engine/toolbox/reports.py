"""What testinfra's modules ask of programs that neither the image nor busybox has, answered from outside."""

from __future__ import annotations

import functools
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta

from image_harness.engine.errors import CommandNotRun, CommandTimedOut
from image_harness.engine.toolbox import ps
from image_harness.engine.toolbox.files import FileReports
from image_harness.engine.toolbox.session import ToolResult
from image_harness.engine.toolbox.toolbox import Toolbox

# What modules look up before they use it, and that the reports or busybox answer for.
OWN_TOOLS = frozenset({"getent", "ip", "netstat", "ps", "sysctl"})
_HOST_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_ENTERED = b"nsenter: "
_CONNECTION = re.compile(r".*/dev/tcp/(?P<host>[^/']+)/(?P<port>\d+)")
_PIP_SHOW = re.compile(r"pip show (?P<name>[A-Za-z0-9._-]+)(?P<rest> \|.*)?")
_LIST_DISTRIBUTIONS = """
import importlib.metadata, json
found = {d.metadata["Name"]: d.version for d in reversed(list(importlib.metadata.distributions()))}
print(json.dumps(found))
"""


class Reports:
    """Answers by the first word of a command.

    Args:
        toolbox: The tools.
        interpreter: The image's Python.
        limit: How long any answer may take.
    """

    def __init__(self, toolbox: Toolbox, *, interpreter: str, limit: timedelta) -> None:
        self._toolbox = toolbox
        self._interpreter = interpreter
        self._limit = limit
        self._files = files = FileReports(toolbox.session, limit)
        self._by_name: Mapping[str, Callable[[list[str]], ToolResult | None]] = {
            "ip": self._ip,
            "nc": self._nc,
            "netstat": self._netstat,
            "pip": self._pip,
            "ps": self._ps,
            "timeout": self._connection,
            "cat": files.cat,
            "ls": files.ls,
            "readlink": files.realpath,
            "realpath": files.realpath,
            "stat": files.stat,
            "test": files.test,
        }

    def answer(self, words: list[str]) -> ToolResult | None:
        """The answer to a simple command; None when it is to be run instead."""
        report = self._by_name.get(words[0])
        return report(words) if report else None

    def pipeline(self, line: str) -> ToolResult | None:
        """The answer to one of the pipelines that modules use; None when it is to be run instead."""
        return self._files.checksum(line)

    def rewrite(self, line: str) -> str:
        """A command line that asks pip about a package, as one that has the answer in it; any other as it is."""
        match = _PIP_SHOW.fullmatch(line)
        if match is None or self._has("pip"):
            return line
        version = {_normal(name): version for name, version in self._distributions.items()}.get(_normal(match["name"]))
        if version is None:
            return f"(false){match['rest'] or ''}"
        shown = f"Name: {match['name']}\nVersion: {version}"
        return f"echo {shlex.quote(shown)}{match['rest'] or ''}"

    def _ps(self, words: list[str]) -> ToolResult | None:
        request = ps.Request.parse(words[1:])
        if request is None:
            return None
        rows = ps.read_rows(self._toolbox.container.proc.processes())
        exit_code, table = ps.render(request, rows, self._files.accounts())
        return ToolResult(exit_code, table.encode(), b"")

    def _ip(self, words: list[str]) -> ToolResult | None:
        """This machine's own ip, which unlike busybox's knows JSON, in the container's network namespace.

        Raises:
            CommandNotRun: The namespace cannot be entered.
            CommandTimedOut: It had not ended in time.
            ContainerLost: The container ended before or meanwhile.
        """
        ip, nsenter = (shutil.which(name, path=_HOST_PATH) for name in ("ip", "nsenter"))
        if ip is None or nsenter is None:
            return None
        command = [nsenter, f"--net=/proc/{self._toolbox.pid}/ns/net", ip, *words[1:]]
        line, where, seconds = shlex.join(words), self._toolbox.container.name, self._limit.total_seconds()
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise CommandTimedOut(f"{line!r} had not ended after {seconds:g} s", where=where) from None
        # As it still runs, its PID was its own all the time.
        self._toolbox.session.require_running()
        if done.stderr.startswith(_NOT_ENTERED):
            reason = done.stderr.removeprefix(_NOT_ENTERED).decode(errors="replace").strip()
            raise CommandNotRun(f"{line!r} was not started: {reason}", where=where)
        return ToolResult(done.returncode, done.stdout, done.stderr)

    def _connection(self, words: list[str]) -> ToolResult | None:
        """Whether a port can be reached, which modules ask a shell that knows /dev/tcp."""
        match = _CONNECTION.match(words[-1])
        if words[2:4] != ["bash", "-c"] or match is None:
            return None
        return self._reach(match["host"], match["port"], seconds=words[1])

    def _nc(self, words: list[str]) -> ToolResult | None:
        """The same, asked of a netcat with an option that busybox's has not got."""
        if len(words) != 6 or words[1] != "-w" or words[3] != "-z":
            return None
        return self._reach(words[4], words[5], seconds=words[2])

    def _netstat(self, words: list[str]) -> ToolResult | None:
        """Sockets with a path, for which busybox's has a short option only."""
        if "--unix" not in words:
            return None
        words = ["-x" if word == "--unix" else word for word in words]
        return self._toolbox.tool(words, shlex.join(words), limit=self._limit)

    def _reach(self, host: str, port: str, *, seconds: str) -> ToolResult:
        words = ["nc", "-w", seconds, host, port, "-e", "true"]
        return self._toolbox.tool(words, shlex.join(words), limit=self._limit)

    def _pip(self, words: list[str]) -> ToolResult | None:
        """What ``pip list`` would say, by the metadata that the image's own interpreter finds."""
        if words[1:2] != ["list"] or not {"-o", "--outdated"}.isdisjoint(words) or self._has("pip"):
            return None
        packages = [{"name": name, "version": version} for name, version in sorted(self._distributions.items())]
        return ToolResult(0, json.dumps(packages).encode(), b"")

    @functools.cached_property
    def _distributions(self) -> dict[str, str]:
        result = self._toolbox.container.python(_LIST_DISTRIBUTIONS, interpreter=self._interpreter)
        if result.exit_code != 0:
            raise CommandNotRun(
                f"the image's interpreter cannot list its packages: {result.stderr[-300:]}",
                where=self._toolbox.container.name,
            )
        return dict(json.loads(result.stdout))

    def _has(self, program: str) -> bool:
        return self._toolbox.find_program(program, limit=self._limit) is not None


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()
