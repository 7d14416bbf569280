"""Reports without a container: a process of this machine stands for its first one, scripts for the machine's tools."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from image_harness.engine import CommandNotRun, CommandTimedOut, ContainerLost
from image_harness.engine.toolbox import reports
from image_harness.engine.toolbox.busybox import find_busybox
from image_harness.engine.toolbox.identity import Identity
from image_harness.engine.toolbox.session import ToolResult, ToolSession
from image_harness.engine.toolbox.toolbox import Toolbox

ASK = ["ip", "link", "show", "eth0"]
Answer = Callable[[], ToolResult | None]


@pytest.fixture
def first() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def answer(first: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answer]:
    monkeypatch.setattr(reports, "_HOST_PATH", str(tmp_path))
    script(tmp_path / "nsenter", 'shift; exec "$@"')
    unused: Any = SimpleNamespace(name="box")
    identity = Identity(uid=0, gid=0, groups=(), directory="/", environment={})
    with ToolSession(find_busybox(), first.pid, identity, "box") as session:
        toolbox = Toolbox(unused, session, first.pid, machine="x86_64", shell="sh")
        asked = reports.Reports(toolbox, interpreter="python3", limit=timedelta(seconds=0.5))
        yield lambda: asked.answer(ASK)


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_this_machine_s_ip_is_asked(answer: Answer, tmp_path: Path) -> None:
    script(tmp_path / "ip", 'echo "$@"; echo no >&2; exit 1')
    assert answer() == ToolResult(1, b"link show eth0\n", b"no\n")


def test_no_answer_is_believed_once_the_container_has_ended(
    answer: Answer, first: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    script(tmp_path / "ip", "exit 1")
    first.kill()
    first.wait()
    with pytest.raises(ContainerLost, match=r"^box: .* \(its first process has ended\)$"):
        answer()


def test_an_answer_that_does_not_come_is_not_waited_for(answer: Answer, tmp_path: Path) -> None:
    script(tmp_path / "ip", "exec sleep 60")
    with pytest.raises(CommandTimedOut, match=r"box: 'ip link show eth0' had not ended after 0\.5 s"):
        answer()


def test_a_namespace_that_was_not_entered_gives_no_answer(answer: Answer, tmp_path: Path) -> None:
    script(tmp_path / "ip", "exit 0")
    script(tmp_path / "nsenter", "echo 'nsenter: cannot open: Permission denied' >&2; exit 1")
    with pytest.raises(CommandNotRun, match="box: 'ip link show eth0' was not started: cannot open: Permission denied"):
        answer()
