from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_harness.engine import EngineError
from image_harness.engine.toolbox.busybox import applets, find_busybox
from image_harness.engine.toolbox.shell import TOOLS
from image_harness.engine.toolbox.toolset import Toolset, rename, replace, toolset

from .conftest import require_busybox

NAMES = ("[", *sorted(f"{letter}{end}" for letter in "abcdefghij" for end in ("", "a", "sh", "sort")))
TABLE = "\0".join((*NAMES, "")).encode()


@pytest.fixture(scope="module")
def tools() -> Iterator[Toolset]:
    require_busybox()
    with toolset(find_busybox(), TOOLS) as opened:
        yield opened


def run(program: Path, shell: str, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line where no program is on the PATH."""
    with program.open("rb") as file:
        return subprocess.run(
            [shell, "-c", command, "sh", *arguments],
            executable=f"/proc/self/fd/{file.fileno()}",
            pass_fds=[file.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": "/nowhere"},
            check=False,
        )


@pytest.mark.parametrize(
    "command",
    [
        "sh -c 'echo hi'",
        "env sh -c 'echo hi'",
        "timeout 5 sh -c 'echo hi'",
        "exec sh -c 'echo hi'",
        "time sh -c 'echo hi'",
        "busybox sh -c 'echo hi'",
        "xargs sh -c 'echo hi'",
        "echo \"sh -c 'echo hi'\" | xargs env",
        "find /proc/self -maxdepth 0 -exec sh -c 'echo hi' \\;",
        "find /proc/self -maxdepth 0 -exec sh -c 'echo hi' {} +",
        "command sh -c 'echo hi'",
    ],
)
def test_nothing_starts_what_is_no_tool(tools: Toolset, command: str) -> None:
    assert run(tools.program, tools.shell, command).stdout == ""
    assert run(find_busybox(), "sh", command).stdout == "hi\n"


def test_every_tool_is_found_and_nothing_else_is(tools: Toolset) -> None:
    names = applets(find_busybox())
    # The shell's own kill is dealt with elsewhere.
    asked = [name for name in names if name != "kill"]
    found = run(tools.program, tools.shell, 'for name; do command -v "$name"; done', *asked).stdout.split()
    assert found == [name for name in names if name in TOOLS]


def test_what_starts_other_programs_still_starts_tools(tools: Toolset) -> None:
    command = "find /proc/version -exec env time -p timeout 5 grep -c Linux {} + | xargs -n 1 echo"
    assert run(tools.program, tools.shell, command).stdout == "1\n"


def test_new_names_are_in_order_and_cannot_be_meant() -> None:
    names = ("[", "echo", "ed", "egrep", "seq", "setsid", "sh", "sha1sum", "strings", "su", "sum")
    renamed = rename(names, {"[", "echo", "egrep", "seq", "sha1sum", "strings", "sum"})
    assert list(renamed) == sorted(renamed)
    assert [name for name in renamed if name not in names] == ["ed\x01", "set\x01", "sh\x01", "su\x01"]


def program(*, parts: int = 4, tables: int = 1) -> bytes:
    """What busybox has of its names: the table, and where each part of it but the first begins."""
    begins = [len(NAMES) * part // parts for part in range(1, parts)]
    places = [sum(len(name) + 1 for name in NAMES[:begin]) for begin in begins]
    return b"code" + struct.pack(f"<{len(places)}H", *places) + (b"\0" + TABLE) * tables + b"more"


def test_names_and_their_index_are_replaced_and_nothing_else() -> None:
    others = rename(NAMES, {"[", "bsh", "jsort"})
    changed = replace(program(), NAMES, others)
    assert len(changed) == len(program())
    assert (changed[:4], changed[-4:]) == (b"code", b"more")
    assert tuple(changed[11:-4].rstrip(b"\0").decode().split("\0")) == others
    table = changed[11:]
    begins = [table[place:].split(b"\0")[0].decode() for place in struct.unpack("<3H", changed[4:10])]
    assert begins == [others[len(NAMES) * part // 4] for part in (1, 2, 3)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "not found once"),
        (program(tables=2), "not found once"),
        (program(parts=5), "no one index"),
        (program() + program(parts=8)[4:18], "no one index"),
    ],
)
def test_a_program_that_is_not_laid_out_so_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(content, NAMES, rename(NAMES, {"["}))


def test_names_that_need_more_room_are_refused() -> None:
    with pytest.raises(ValueError, match="more room"):
        replace(program(), NAMES, ("longer", *NAMES))


def test_the_message_tells_which_busybox_cannot_be_reduced(tmp_path: Path) -> None:
    other = tmp_path / "busybox"
    other.write_text("#!/bin/sh\nprintf 'cat\\nsh\\n'\n")
    other.chmod(0o755)
    message = r"busybox: this busybox cannot be reduced to tools \(.+\); install"
    with pytest.raises(EngineError, match=message), toolset(other, TOOLS):
        pass
