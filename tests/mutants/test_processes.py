"""Runs of pytest that belong to a run of mutants: their share of the processors, and their end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from image_harness.engine.ownership import start_ticks
from image_harness.mutants.processes import started

SLEEPS = "import time\n\ndef test_sleeps():\n    time.sleep(60)\n"


@pytest.mark.parametrize(("gives_way", "nice"), [(False, 0), (True, 10)])
def test_who_gives_way_takes_what_others_leave(tmp_path: Path, gives_way: bool, nice: int) -> None:
    (tmp_path / "test_sleeps.py").write_text(SLEEPS)
    with started(
        ["test_sleeps.py"], root=tmp_path, log=tmp_path / "log", bytecode=tmp_path / "bytecode", gives_way=gives_way
    ) as run:
        pid = run.process.pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == nice
        group = Path(f"/proc/{pid}/autogroup")
        assert not group.exists() or group.read_text().split()[-2:] == ["nice", str(nice)]
    assert run.process.returncode is not None


_STARTS = """
import os, sys
from pathlib import Path
from image_harness.mutants.processes import started
folder = Path(sys.argv[1])
with started(["test_sleeps.py"], root=folder, log=folder / "log", bytecode=folder, gives_way=True) as run:
    print(os.getpriority(os.PRIO_PROCESS, run.process.pid))
"""


def test_who_has_less_already_and_may_not_get_more_keeps_that(tmp_path: Path) -> None:
    (tmp_path / "test_sleeps.py").write_text(SLEEPS)
    ordinary = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice", "nice", "-n", "15"]
    command = [*ordinary, sys.executable, "-c", _STARTS, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.stdout, found.stderr) == ("15\n", "")


_WAITS = """
import sys
from pathlib import Path
from image_harness.mutants.processes import started
folder = Path(sys.argv[1])
with started(["test_sleeps.py"], root=folder, log=folder / "log", bytecode=folder) as run:
    print(run.process.pid, flush=True)
    sys.stdin.read()
"""
_SLEEPS_LONG = """
from pathlib import Path
import time

def test_sleeps():
    Path("begun").touch()
    time.sleep(600)
"""


def test_a_run_ends_when_who_started_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "test_sleeps.py").write_text(_SLEEPS_LONG)
    command = [sys.executable, "-c", _WAITS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        run = int(owner.stdout.readline())
        began = start_ticks(run)
        assert began is not None
        until((tmp_path / "begun").exists)
        owner.kill()
    until(lambda: start_ticks(run) != began)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
