"""The same image in other engines: its verdicts are the same, or unproven where an engine cannot show something."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest

from image_harness.engine import Container, Engine, EngineError, RunOptions
from image_harness.engine.ownership import OWN_IMAGES, RunIdentity
from image_harness.types import Port

from .conftest import BOOT_LIMIT, IMAGE
from .other_engines import ELSEWHERE, OtherEngine, having, plain_docker, podman

# In bytes; beyond 1 MB Podman makes it shorter.
_LONG_LOG = 900_000

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Path]:
    file = tmp_path_factory.mktemp("image") / "image.tar"
    subprocess.run(["docker", "--host", engine.url, "save", "--output", str(file), IMAGE], check=True)
    yield file
    file.unlink()


@pytest.fixture(scope="module")
def podman_engine(archive: Path) -> Iterator[OtherEngine]:
    # Both engines keep sockets in their folders, and Podman itself takes no long path.
    with podman(Path(mkdtemp(prefix="podman-")), archive) as found:
        yield found


@pytest.fixture(scope="module")
def docker_engine(archive: Path) -> Iterator[OtherEngine]:
    with plain_docker(Path(mkdtemp(prefix="docker-")), archive) as found:
        yield found


def test_podman_shows_everything_but_what_it_cannot_do(podman_engine: OtherEngine, tmp_path: Path) -> None:
    found = podman_engine.check(tmp_path / "report", "-m", "runtime and not release")
    assert having(found, "not-met") == {}
    unproven = having(found, "unproven")
    known = ("the engine runs no health checks", "the engine cannot take variables of the image away")
    assert {name: why for name, why in unproven.items() if not any(reason in why for reason in known)} == {}
    assert "health.healthy" in unproven
    assert len(unproven) < len(found) / 4


def test_podman_tells_of_the_last_event_in_a_long_log(podman_engine: OtherEngine) -> None:
    log = Path(podman_engine.socket.removeprefix("unix://")).parent / "tmp/events/events.log"
    with Engine.connect(podman_engine.socket) as connected, connected.run(IMAGE) as running:
        first, _, _ = log.read_text().partition("\n")
        # What nobody asked for, nearly up to the size at which Podman throws half of it away.
        with log.open("a") as more:
            more.write(f"{first}\n" * ((_LONG_LOG - log.stat().st_size) // (len(first) + 1)))
        running.signal("SIGCONT")


def test_podman_gives_up_images_of_dead_runs(podman_engine: OtherEngine) -> None:
    here = RunIdentity.current()
    dead, living = replace(here, started=here.started + 1).tag("a"), here.tag("b")
    with Engine.connect(podman_engine.socket) as connected:
        for tag in (dead, living):
            connected._client.tag(IMAGE, OWN_IMAGES, tag)
        assert connected.remove_leftover_images() == 1
        assert [connected.image_exists(f"{OWN_IMAGES}:{tag}") for tag in (dead, living)] == [False, True]
        assert connected.image_exists(IMAGE)


def test_an_engine_elsewhere_with_the_plain_store_gives_the_same_verdicts(
    docker_engine: OtherEngine, tmp_path: Path
) -> None:
    # Without a view of the engine's processes, as from another machine.
    apart = ("unshare", "--pid", "--fork", "--mount-proc")
    found = docker_engine.check(tmp_path / "report", "-m", "runtime and not release", prefix=apart)
    # Ports of an engine elsewhere are published on more than its loopback address: nothing else is not met.
    assert set(having(found, "not-met")) <= {"interface.published"}
    unproven = having(found, "unproven")
    # An emulated program that looks from inside may need more memory than the deployment has.
    known = ("on this machine only", "the engine is of another machine", "the container ended while")
    assert {name: why for name, why in unproven.items() if not any(reason in why for reason in known)} == {}
    assert {"health.healthy", "health.stalled"}.isdisjoint(unproven)
    assert len(unproven) < len(found) / 4


def test_a_port_elsewhere_that_cannot_be_reached_is_no_finding_about_the_image(
    docker_engine: OtherEngine,
) -> None:
    # The engine's address is one of another network namespace: from here nothing answers there.
    connected = Engine.connect(docker_engine.socket)
    with connected, connected.run(IMAGE, RunOptions(publish=(Port(8093),))) as running:
        pretended = Container(
            connected._client, running.id, running.name, replace(connected.facts, url=docker_engine.url)
        )
        assert pretended.address(Port(8093))[0] == ELSEWHERE
        with pytest.raises(EngineError, match="cannot be reached from here"):
            pretended.wait_for_http("/health", BOOT_LIMIT / 60)
