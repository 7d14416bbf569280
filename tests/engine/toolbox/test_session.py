"""The way into namespaces: what is asked there is answered, whatever became of the request before."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType

import pytest

from image_harness.engine import CommandNotRun, ContainerLost, EngineError
from image_harness.engine.toolbox import session as module
from image_harness.engine.toolbox.busybox import find_busybox
from image_harness.engine.toolbox.identity import Identity
from image_harness.engine.toolbox.session import ToolSession

LIMIT = timedelta(seconds=20)
HERE = Identity(uid=0, gid=0, groups=(), directory="/", environment={"PATH": "/usr/bin:/bin"})


@pytest.fixture(scope="module")
def first() -> Iterator[int]:
    """The PID of the first process of namespaces of their own."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
    with subprocess.Popen([*command, "echo ready; exec sleep 600"], stdout=subprocess.PIPE, text=True) as apart:
        assert apart.stdout is not None
        assert apart.stdout.readline() == "ready\n"
        yield int(Path(f"/proc/{apart.pid}/task/{apart.pid}/children").read_text())
        apart.kill()


@pytest.fixture
def session(first: int) -> Iterator[ToolSession]:
    with ToolSession(find_busybox(), first, HERE, "box") as opened:
        yield opened


def running(first: int) -> list[str]:
    """What runs in the namespaces beside their first process."""
    namespace = Path(f"/proc/{first}/ns/pid").readlink()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.name != str(first) and (entry / "ns/pid").readlink() == namespace:
                found.append((entry / "cmdline").read_text())
    return found


def helpers() -> list[str]:
    """The processes of this one that look into namespaces."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if "zygote" in Path(f"/proc/{pid}/cmdline").read_text()]


class InterruptedTestError(Exception):
    """What a signal raises."""


@contextlib.contextmanager
def interruption(after: float) -> Iterator[None]:
    """Raises in the middle of what goes on, as time limits of tests and Ctrl-C do."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise InterruptedTestError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_after_an_interruption_the_next_question_has_the_answer_to_itself(session: ToolSession, first: int) -> None:
    with pytest.raises(InterruptedTestError), interruption(0.5):
        session.run(["sleep", "30"], limit=LIMIT)
    assert session.look("/nonexistent", follow=True) is None
    assert session.look("/etc/passwd", follow=True) is not None
    assert session.read("/etc/passwd", limit=LIMIT) == Path("/etc/passwd").read_bytes()
    deadline = time.monotonic() + 5
    while running(first) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(first) == []


def test_a_helper_that_does_not_answer_is_told_and_replaced(
    session: ToolSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    (helper,) = helpers()
    os.kill(int(helper), signal.SIGSTOP)
    with pytest.raises(EngineError, match=r"box: its helper did not answer within 0\.3 s"):
        session.look("/etc/passwd", follow=True)
    monkeypatch.setattr(module, "_PATIENCE", 30.0)
    assert session.look("/nonexistent", follow=True) is None
    assert session.look("/etc/passwd", follow=True) is not None
    assert helper not in helpers()


def test_a_session_that_cannot_begin_leaves_nothing(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(EngineError, match="its helper did not answer"):
        ToolSession(find_busybox(), first, HERE, "box")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert helpers() == []


def test_namespaces_whose_first_process_has_ended_are_not_entered_again() -> None:
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "600"]
    with subprocess.Popen(command) as apart:
        children = Path(f"/proc/{apart.pid}/task/{apart.pid}/children")
        while not children.read_text():
            time.sleep(0.05)
        first = int(children.read_text())
        with ToolSession(find_busybox(), first, HERE, "box") as session:
            with os.fdopen(os.pidfd_open(first)) as end:
                apart.kill()
                select.select([end], [], [])
            for _ in range(2):
                with pytest.raises(ContainerLost, match="its first process has ended"):
                    session.look("/", follow=True)


@pytest.mark.parametrize("path", ["/a\0b", "/\ud800"])
def test_what_no_path_can_hold_is_no_answer_and_no_end(session: ToolSession, path: str) -> None:
    with pytest.raises(CommandNotRun, match="cannot be looked at: Invalid argument"):
        session.look(path, follow=True)
    others: list[Callable[[], object]] = [
        lambda: session.resolve(path),
        lambda: session.followed(path),
        lambda: session.names(path),
        lambda: session.read(path, limit=LIMIT),
    ]
    assert [ask() for ask in others] == [None] * 4
    with pytest.raises(CommandNotRun, match="was not started"):
        session.run(["echo", path], limit=LIMIT)
    assert session.look("/etc/passwd", follow=True) is not None


def test_a_link_that_cannot_be_followed_from_outside_is_where_a_path_ends(session: ToolSession) -> None:
    assert session.followed("/proc/mounts") == "/proc/self"
    assert session.resolve("/proc/self/status") is None
    assert session.look("/proc/1", follow=True) is not None
