"""What an engine is asked to make goes away again, and only that."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from image_harness.engine import Engine, EngineError, Mount, RunOptions, remove_leftovers
from image_harness.engine.ownership import OWN_IMAGES, RUN_LABEL, RunIdentity
from image_harness.types import Platform

from .conftest import IMAGE

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]

_SLEEP = ("/usr/bin/python3.11", "-c", "import time; time.sleep(600)")
_DIES = f"""
import os
from image_harness.engine import Engine, Mount, RunOptions
from tests.engine.test_engine import volumes_of
engine = Engine.connect({{url!r}})
options = RunOptions(command={_SLEEP!r}, mounts=(Mount("/data"),))
with engine.network() as network, engine.run({IMAGE!r}, options) as container:
    print(network, container.name, *volumes_of(engine, container.name), flush=True)
    os.kill(os.getpid(), 9)
"""
# What another process is about to remove is gone soon.
_PATIENCE = 30.0


def names(engine: Engine, kind: str) -> set[str]:
    """The names of all containers, networks or volumes.

    Nothing else is asked for: with sizes, Docker's list of containers fails while any of them is being removed.
    """
    listing = {
        "container": ["ps", "--all", "--format", "{{.Names}}"],
        "network": ["network", "ls", "--format", "{{.Name}}"],
        "volume": ["volume", "ls", "--format", "{{.Name}}"],
    }
    command = ["docker", "--host", engine.url, *listing[kind]]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def volumes_of(engine: Engine, container: str) -> set[str]:
    command = ["docker", "--host", engine.url, "inspect", "--format", "{{json .Mounts}}", container]
    mounts = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {mount["Name"] for mount in mounts}


def everything(engine: Engine) -> set[str]:
    return names(engine, "container") | names(engine, "network") | names(engine, "volume")


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
    made: set[str] = set()

    def work() -> None:
        with engine.network() as network:
            options = RunOptions(command=_SLEEP, mounts=(Mount("/data"),), network=network)
            with engine.run(IMAGE, options) as container:
                made.update((network, container.name), volumes_of(engine, container.name))
                assert made <= everything(engine)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(made) == 3
    assert not made & everything(engine)


def test_what_a_killed_run_left_is_removed_and_nothing_else(engine: Engine, stranger: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _DIES.format(url=engine.url)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert killed.returncode == -9, killed.stderr
    left = set(killed.stdout.split())
    assert len(left) == 3
    with engine.run(IMAGE, RunOptions(command=_SLEEP)) as living:
        # Every run removes what dead ones have left: one of another process may be about to.
        remove_leftovers(engine)
        end = time.monotonic() + _PATIENCE
        while left & (remaining := everything(engine)) and time.monotonic() < end:
            time.sleep(0.2)
        assert living.name in remaining
    assert stranger in remaining
    assert not left & remaining


def test_an_image_of_a_dead_run_stays_as_long_as_it_has_a_container(engine: Engine, tmp_path: Path) -> None:
    """An engine that is forced takes only the name away: what is left has none, and nobody would find it."""
    here = RunIdentity.current()
    reference = f"{OWN_IMAGES}:{replace(here, started=here.started + 1).tag(uuid.uuid4().hex[:12])}"
    docker = ["docker", "--host", engine.url]
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL unlike=others\n")
    build = [*docker, "build", "--quiet", "--platform", "linux/arm64", "--tag", reference, str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True)
    try:
        with engine.run(reference, RunOptions(command=_SLEEP)):
            engine.remove_leftover_images()
            assert engine.image_exists(reference)
        engine.remove_leftover_images()
        assert not engine.image_exists(reference)
    finally:
        subprocess.run([*docker, "rmi", reference], check=False, capture_output=True)


def test_images_of_dead_runs_of_this_machine_are_removed_and_no_others(engine: Engine) -> None:
    here = RunIdentity.current()
    other = replace(here, started=here.started + 1)  # its PID is another process's now
    name = uuid.uuid4().hex[:12]
    elsewhere, earlier = replace(other, host="elsewhere"), replace(other, boot="earlier")
    gone = {f"{OWN_IMAGES}:{dead.tag(name)}" for dead in (other, earlier)}
    stays = {
        f"{OWN_IMAGES}:{here.tag(name)}",
        f"{OWN_IMAGES}:{elsewhere.tag(name)}",
        f"{OWN_IMAGES}:{name}",
        f"stranger-{name}:{other.tag(name)}",
    }
    docker = ["docker", "--host", engine.url]
    try:
        for reference in gone | stays:
            subprocess.run([*docker, "tag", IMAGE, reference], check=True)
        assert engine.remove_leftover_images() >= len(gone)
        assert {reference for reference in gone | stays if engine.image_exists(reference)} == stays
        assert engine.image_exists(IMAGE)
    finally:
        subprocess.run([*docker, "rmi", *gone, *stays], check=False, capture_output=True)
