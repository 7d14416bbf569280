"""Runs of pytest that belong to a run of mutants: their share of the processors, and their end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
