"""One boot is enough for an image that is as it should be; what it does not bear is blamed on nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.design import Design, load_design
from image_harness.engine import Answer, Clock, ContainerLost, Engine, EngineError, NotGranted, RunOptions, Share
from image_harness.plugin.boot import Boot
from image_harness.plugin.running import Running, deployment, plainly
from image_harness.plugin.scenarios import fallback_port, without_pythonpath
from image_harness.types import HealthCheck

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
LIKE_NEW = timedelta(seconds=7)


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


def came_to(value: object) -> Future[Any]:
    future: Future[Any] = Future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


class Host:
    """Stands in for the engine: boots answer, unless they are as deployed and that is not borne.

    Args:
        deployed: What comes of a container as deployed: whether it answers, or how the engine fails.
        refusal: How the engine refuses to start it.
    """

    def __init__(self, *, deployed: bool | Exception = True, refusal: Exception | None = None) -> None:
        self.deployed, self.refusal = deployed, refusal
        self.started: list[RunOptions] = []

    @contextlib.contextmanager
    def start(self, _engine: object, design: Design, _image: str, options: RunOptions, clock: Any) -> Iterator[Boot]:  # noqa: ANN401 - only called
        if self.refusal is not None and options.read_only:
            raise self.refusal
        self.started.append(options)
        outcome: object = self.deployed if options.read_only else True
        if isinstance(outcome, bool):
            outcome = (Answer(answered=outcome, reason="" if outcome else "died"), LIKE_NEW)
        container = cast("Any", SimpleNamespace(name="box"))
        yield Boot(container, cast("Any", None), came_to(outcome), came_to(None), design, clock)


def made(host: Host, design: Design, patch: pytest.MonkeyPatch) -> Running:
    patch.setattr(Boot, "start", host.start)
    engine = cast("Engine", SimpleNamespace(emulates=lambda _platform: True))
    return Running(engine, design, "image", Clock, contextlib.ExitStack())


def test_an_image_that_bears_its_deployment_is_booted_once(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    running = made(host, design, monkeypatch)
    assert running.deployed.answer.answered
    assert running.answer.answered
    assert running.boot == LIKE_NEW
    assert [options.read_only for options in host.started] == [True]


def test_what_it_does_not_bear_is_blamed_on_its_deployment_alone(
    design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(deployed=False)
    running = made(host, design, monkeypatch)
    assert not running.deployed.answer.answered
    with pytest.raises(ContainerLost, match="box: the service did not answer: died"):
        _ = running.deployed.sockets
    assert running.answer.answered
    assert running.container is running.container
    assert host.started[1:] == [plainly(design, emulated=True)]


def test_an_engine_that_cannot_deploy_it_still_runs_it_plainly(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(refusal=NotGranted("no memory limits"))
    running = made(host, design, monkeypatch)
    assert running.answer.answered
    with pytest.raises(NotGranted, match="no memory limits"):
        _ = running.deployed
    assert [options.read_only for options in host.started] == [False]


def test_an_engine_that_fails_is_not_asked_again(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="gone"):
        made(Host(refusal=EngineError("gone")), design, monkeypatch)
    running = made(host := Host(deployed=EngineError("gone")), design, monkeypatch)
    for _ in range(2):
        with pytest.raises(EngineError, match="gone"):
            _ = running.answer
    assert running.boot is None
    assert len(host.started) == 1


@pytest.mark.parametrize(("emulated", "times"), [(False, 1), (True, 2)])
def test_an_emulator_gets_memory_of_its_own(design: Design, *, emulated: bool, times: int) -> None:
    options = deployment(design, emulated=emulated)
    assert options.memory == design.runtime.deployment.memory_mib * MIB * times


def test_what_most_checks_wait_for_boots_before_all_others_where_a_boot_takes_long(design: Design) -> None:
    for plan in (fallback_port, without_pythonpath):
        assert plan(design, Clock()).options.processor_share is Share.SECOND
    for way in (plainly, deployment):
        assert way(design, emulated=True).processor_share is Share.FIRST
        assert way(design, emulated=False).processor_share is None


def test_probes_take_no_more_than_a_part_of_an_emulated_boot_and_are_otherwise_as_designed(design: Design) -> None:
    for options in (plainly(design, emulated=True), deployment(design, emulated=True)):
        check = options.health_check
        assert check is not None
        assert (check.start_interval or timedelta()) > timedelta(seconds=5), "the engine's default"
        assert replace(check, start_interval=None) == HealthCheck(test=()), "all else is the image's"
    for options in (plainly(design, emulated=False), deployment(design, emulated=False)):
        assert options.health_check is None
