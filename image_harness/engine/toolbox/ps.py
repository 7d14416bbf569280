"""``ps`` from outside: a container's processes in the columns that are asked for, without the process that looks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from image_harness.engine.errors import ContainerLost
from image_harness.engine.procfs import PROC, ProcessFacts
from image_harness.engine.toolbox.names import Accounts

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Row:
    """A process with what /proc/PID/stat has of it beyond its facts.

    Attributes:
        facts: Who it is.
        stat: The fields of /proc/PID/stat after the name; the first one is the state (field 3 in proc(5)).
        parent: The parent's PID inside the container; 0 for the first process.
        memory: All memory of the machine, in KiB.
        boot: When the machine was started, in seconds since 1970.
    """

    facts: ProcessFacts
    stat: tuple[str, ...]
    parent: int
    memory: int
    boot: float

    @property
    def started(self) -> float:
        """In seconds since 1970."""
        return self.boot + int(self.stat[19]) / _TICKS

    @property
    def cpu_seconds(self) -> float:
        """Time on processors, in seconds."""
        return (int(self.stat[11]) + int(self.stat[12])) / _TICKS

    @property
    def resident(self) -> int:
        """Resident memory in KiB."""
        return int(self.stat[21]) * _PAGE // 1024

    @property
    def command_line(self) -> str:
        """The arguments in one line, or the name in brackets where there are none."""
        return _printable(" ".join(self.facts.argv) or f"[{self.facts.comm}]")

    @property
    def cpu_percent(self) -> float:
        """Share of one processor since its start."""
        return 100 * self.cpu_seconds / max(time.time() - self.started, 0.01)


_Column = Callable[[Row, Accounts], object]
_COLUMNS: dict[str, _Column] = {
    "pid": lambda row, _: row.facts.pid,
    "tgid": lambda row, _: row.facts.pid,
    "ppid": lambda row, _: row.parent,
    "uid": lambda row, _: row.facts.uid,
    "euid": lambda row, _: row.facts.uid,
    "gid": lambda row, _: row.facts.gid,
    "egid": lambda row, _: row.facts.gid,
    "user": lambda row, names: names.user(row.facts.uid),
    "euser": lambda row, names: names.user(row.facts.uid),
    "group": lambda row, names: names.group(row.facts.gid),
    "egroup": lambda row, names: names.group(row.facts.gid),
    "comm": lambda row, _: _printable(row.facts.comm),
    "ucmd": lambda row, _: _printable(row.facts.comm),
    "args": lambda row, _: row.command_line,
    "cmd": lambda row, _: row.command_line,
    "command": lambda row, _: row.command_line,
    "lstart": lambda row, _: datetime.fromtimestamp(int(row.started), UTC).strftime("%a %b %e %H:%M:%S %Y"),
    "pcpu": lambda row, _: f"{row.cpu_percent:.1f}",
    "%cpu": lambda row, _: f"{row.cpu_percent:.1f}",
    "pmem": lambda row, _: f"{100 * row.resident / row.memory:.1f}",
    "%mem": lambda row, _: f"{100 * row.resident / row.memory:.1f}",
    "rss": lambda row, _: row.resident,
    "rssize": lambda row, _: row.resident,
    "vsz": lambda row, _: int(row.stat[20]) // 1024,
    "state": lambda row, _: row.stat[0],
    "s": lambda row, _: row.stat[0],
    "stat": lambda row, _: row.stat[0],
    "nice": lambda row, _: row.stat[16],
    "ni": lambda row, _: row.stat[16],
    "nlwp": lambda row, _: row.stat[17],
    "thcount": lambda row, _: row.stat[17],
    "time": lambda row, _: _clock(row.cpu_seconds),
    "etimes": lambda row, _: int(time.time() - row.started),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller of ps wants to see.

    Attributes:
        columns: Names of columns, in order.
        pid: The only process to show, or None for all.
    """

    columns: tuple[str, ...]
    pid: int | None = None

    @classmethod
    def parse(cls, words: Sequence[str]) -> Request | None:
        """Read the arguments of a ps that lists chosen columns (``-A -o pid,comm``); None for other uses of it."""
        columns: list[str] = []
        pid: int | None = None
        arguments = iter(words)
        for word in arguments:
            letters = word.removeprefix("-")
            if not word.startswith("-") or set(letters) - set("Aeawxop"):
                return None
            if letters[-1:] == "o":
                columns += [name.partition(":")[0].strip() for name in next(arguments, "").split(",")]
            elif letters == "p":
                pid = int(text) if (text := next(arguments, "")).isdigit() else -1
        return cls(tuple(columns), pid) if columns else None


def render(request: Request, rows: Iterable[Row], names: Accounts) -> tuple[int, str]:
    """The exit code and the table, with a header."""
    unknown = [column for column in request.columns if column not in _COLUMNS]
    if unknown:
        return 1, ""
    shown = [row for row in rows if request.pid in (None, row.facts.pid)]
    lines = [" ".join(column.upper() for column in request.columns)]
    lines += [" ".join(str(_COLUMNS[column](row, names)) for column in request.columns) for row in shown]
    return (0 if shown else 1), "\n".join(lines) + "\n"


def read_rows(processes: Iterable[ProcessFacts], proc: Path = PROC) -> tuple[Row, ...]:
    """Read what else /proc tells of processes; those that have ended meanwhile are left out.

    Raises:
        ContainerLost: None of them is left.
    """
    memory = int(_field((proc / "meminfo").read_text(), "MemTotal:"))
    boot = float(_field((proc / "stat").read_text(), "btime"))
    known = {process.host_pid: process for process in processes}
    rows = []
    for host_pid, facts in known.items():
        try:
            stat = tuple((proc / str(host_pid) / "stat").read_text(errors="replace").rpartition(")")[2].split())
        except OSError:
            continue
        parent = known.get(int(stat[1]))
        rows.append(Row(facts, stat, parent.pid or 0 if parent else 0, memory, boot))
    if not rows:
        raise ContainerLost("the container has no process any more")
    return tuple(rows)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _field(text: str, name: str) -> str:
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"
