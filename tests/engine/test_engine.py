"""What an engine is asked to make goes away again, and only that."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from image_harness.engine import Engine, EngineError, Mount, RunOptions, remove_leftovers
from image_harness.engine.ownership import RUN_LABEL, RunIdentity
from image_harness.types import Platform

from .conftest import IMAGE

pytestmark = pytest.mark.engine

_SLEEP = ("/usr/bin/python3.11", "-c", "import time; time.sleep(600)")
_DIES = f"""
import os
from image_harness.engine import Engine, Mount, RunOptions
engine = Engine.connect({{url!r}})
options = RunOptions(command={_SLEEP!r}, mounts=(Mount("/data"),))
with engine.network() as network, engine.run({IMAGE!r}, options) as container:
    print(network, container.name, flush=True)
    os.kill(os.getpid(), 9)
"""


def names(engine: Engine, kind: str) -> set[str]:
    formats = {"container": ["ps", "--all"], "network": ["network", "ls"], "volume": ["volume", "ls"]}
    command = ["docker", "--host", engine.url, *formats[kind], "--format", "{{json .}}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {found.get("Names") or found["Name"] for found in map(json.loads, lines)}


@pytest.fixture
def stranger(engine: Engine) -> Iterator[str]:
    """A container that somebody else made."""
    name = f"stranger-{uuid.uuid4().hex[:8]}"
    docker = ["docker", "--host", engine.url]
    subprocess.run([*docker, "create", "--name", name, IMAGE], check=True, capture_output=True)
    yield name
    subprocess.run([*docker, "rm", "--force", "--volumes", name], check=True, capture_output=True)


def test_facts(engine: Engine) -> None:
    assert engine.facts.name in ("docker", "podman")
    assert engine.facts.url == engine.url
    assert not engine.emulates(Platform("linux", engine.facts.architecture))
    assert engine.emulates(Platform("linux", "s390x")) is (engine.facts.architecture != "s390x")


def test_an_image_that_is_not_there_is_not_pulled(engine: Engine) -> None:
    assert not engine.image_exists("nobody/nothing:none")
    with pytest.raises(EngineError, match="no such image"), engine.run("nobody/nothing:none"):
        pass


def test_a_refused_start_leaves_nothing(engine: Engine) -> None:
    before = _ours(engine)
    with pytest.raises(EngineError, match="refused"), engine.run(IMAGE, RunOptions(entrypoint=("/bin/sh",))):
        pass
    assert _ours(engine) == before


def _ours(engine: Engine) -> set[str]:
    """The containers of this very run."""
    run = RunIdentity.current().run
    command = ["docker", "--host", engine.url, "ps", "--all", "--filter", f"label={RUN_LABEL}={run}"]
    shown = subprocess.run([*command, "--format", "{{.Names}}"], capture_output=True, text=True, check=True)
    return set(shown.stdout.split())


def test_an_interrupted_block_leaves_neither_container_nor_volume_nor_network(engine: Engine) -> None:
    volumes = names(engine, "volume")
    seen: list[str] = []

    def work() -> None:
        with engine.network() as network:
            options = RunOptions(command=_SLEEP, mounts=(Mount("/data"),), network=network)
            with engine.run(IMAGE, options) as container:
                seen.extend((network, container.name, *(names(engine, "volume") - volumes)))
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    network, name, *made = seen
    assert made
    assert name not in names(engine, "container")
    assert network not in names(engine, "network")
    assert not set(made) & names(engine, "volume")


def test_what_a_killed_run_left_is_removed_and_nothing_else(engine: Engine, stranger: str) -> None:
    volumes = names(engine, "volume")
    killed = subprocess.run(
        [sys.executable, "-c", _DIES.format(url=engine.url)], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    network, left = killed.stdout.split()
    assert left in names(engine, "container")
    volume = names(engine, "volume") - volumes
    with engine.run(IMAGE, RunOptions(command=_SLEEP)) as living:
        assert remove_leftovers(engine) >= 2
        remaining = names(engine, "container")
        assert living.name in remaining
    assert stranger in remaining
    assert left not in remaining
    assert network not in names(engine, "network")
    assert volume
    assert not volume & names(engine, "volume")
