"""A run that is killed at any moment leaves nothing once it has been cleaned up, and nothing of others is touched."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_harness.engine import Engine, Mount, RunOptions
from image_harness.engine.ownership import RUN_LABEL, RunIdentity, start_ticks

from .conftest import IMAGE

pytestmark = [pytest.mark.engine, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
_KILLS = 8
_MOST_SECONDS = 8.0
_PATIENCE = 20.0
_SLEEP = ("/usr/bin/python3.11", "-c", "import time; time.sleep(600)")


def runs_of(engine: Engine) -> dict[str, int]:
    """Everything in the engine that carries the labels of a run, and the PID of the run."""
    filters = {"label": [RUN_LABEL]}
    found = [*engine._client.containers(all=True, filters=filters), *engine._client.networks(filters=filters)]
    owners = {one["Id"]: RunIdentity.from_labels(one["Labels"]) for one in found}
    return {name: owner.pid for name, owner in owners.items() if owner is not None}


def family(pid: int) -> dict[int, int]:
    """A process and those that descend from it, with their starts."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = {}, [pid]
    while waiting:
        one = waiting.pop()
        found[one] = start_ticks(one) or 0
        waiting += children.get(one, [])
    return found


@pytest.fixture
def strangers(engine: Engine) -> Iterator[list[str]]:
    """Containers that somebody else made: one by hand, and one of a run on another machine."""
    elsewhere = {**RunIdentity.current().labels(), "image-harness.host": "elsewhere", "image-harness.pid": "4194304"}
    docker = ["docker", "--host", engine.url]
    made = []
    for labels in ({}, elsewhere):
        options = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
        name = f"stranger-{uuid.uuid4().hex[:8]}"
        subprocess.run([*docker, "create", "--name", name, *options, IMAGE], check=True, capture_output=True)
        made.append(name)
    yield made
    subprocess.run([*docker, "rm", "--force", "--volumes", *made], check=True, capture_output=True)


@pytest.mark.timeout(600)
def test_nothing_is_left_of_killed_runs_and_everything_of_others(
    engine: Engine, strangers: list[str], tmp_path: Path
) -> None:
    with engine.network() as network, engine.run(IMAGE, RunOptions(command=_SLEEP, mounts=(Mount("/data"),))) as living:
        for number in range(_KILLS):
            workers = ["-n", "2"] if number % 2 else []
            delay = random.uniform(0.5, _MOST_SECONDS)
            killed = _start_and_kill(engine, tmp_path / str(number), workers, delay)
            command = [sys.executable, "-m", "image_harness.cli", "clean", "-q", "--engine", engine.url]
            subprocess.run(command, cwd=ROOT, check=True)
            left = [name for name, pid in runs_of(engine).items() if pid in killed]
            assert left == [], f"killed after {delay:.2f} s with {workers or 'one process'}"
            _wait_for_the_end_of(killed)
        assert living.state().running
        assert engine._client.networks(names=[network])
        kept = {name.removeprefix("/") for one in engine._client.containers(all=True) for name in one["Names"]}
        assert kept.issuperset(strangers)


def _start_and_kill(engine: Engine, folder: Path, workers: list[str], delay: float) -> dict[int, int]:
    """Start a run of the checks, kill it, and give all of its processes."""
    folder.mkdir()
    options = ["-m", "runtime", "--build", "never", "--engine", engine.url, "-p", "no:cacheprovider", *workers]
    with (folder / "output").open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", "pytest", "image_tests", *options],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env=os.environ | {"TMPDIR": str(folder)},
        )
        time.sleep(delay)
        processes = family(run.pid)
        run.send_signal(signal.SIGKILL)
        run.wait()
    return processes


def _wait_for_the_end_of(processes: dict[int, int]) -> None:
    """Let what the run had started find out that it is alone, and end."""
    deadline = time.monotonic() + _PATIENCE
    while alive := [pid for pid, start in processes.items() if start and start_ticks(pid) == start]:
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes()[:200] for pid in alive]
        assert time.monotonic() < deadline, f"still there: {commands}"
        time.sleep(0.1)
