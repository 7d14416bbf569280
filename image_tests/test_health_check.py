"""Section 6 of the report: the health check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from image_harness import requirement
from image_harness.design import Design
from image_harness.dockerfile import Stage
from image_harness.engine import Clock, Container, HealthStatus, RunOptions, Stall
from image_harness.image import FileSystem, Image
from image_harness.plugin.boot import Boot
from image_harness.plugin.running import Deployed, Running
from image_harness.plugin.scenarios import Scenarios
from image_harness.plugin.session import HarnessSession
from image_harness.types import HealthCheck, Port


def defined(image: Image) -> HealthCheck:
    """Return the image's health check; an image without one fails the check, one that lost it cannot be told."""
    health_check = image.health_check
    if health_check is None:
        raise AssertionError("the image has no health check")
    return health_check


@requirement("health.test")
def test_probe(image: Image, design: Design) -> None:
    assert defined(image).test == design.health_check.test


@requirement("health.exec-form")
def test_probe_needs_no_shell(image: Image) -> None:
    assert defined(image).test[:1] == ("CMD",)


@requirement("health.no-external-tool")
def test_probe_uses_no_external_tool(image: Image) -> None:
    words = " ".join(defined(image).test)
    assert words, "the probe is empty"
    assert "curl" not in words
    assert "wget" not in words


@requirement("health.interpreter")
def test_probe_interpreter(image: Image, filesystem: FileSystem, design: Design) -> None:
    assert defined(image).test[1:2] == (design.image.interpreter,)
    entry = filesystem.entry(design.image.interpreter)
    assert entry is not None, f"{design.image.interpreter} is not in the image"
    assert entry.mode & 0o001, f"{entry} cannot be run by everyone"


@requirement("health.interval")
def test_interval(image: Image, design: Design) -> None:
    found = defined(image)
    assert found.interval == design.health_check.interval
    assert found.start_interval in (None, design.health_check.interval), "other than that while it starts"


@requirement("health.timeout")
def test_timeout(image: Image, design: Design) -> None:
    assert defined(image).timeout == design.health_check.timeout


@requirement("health.start-period")
def test_start_period(image: Image, design: Design) -> None:
    assert defined(image).start_period == design.health_check.start_period


@requirement("health.retries")
def test_retries(image: Image, design: Design) -> None:
    assert defined(image).retries == design.health_check.retries


@requirement("health.instruction")
def test_instruction(runtime: Stage, design: Design) -> None:
    instruction = runtime.last("HEALTHCHECK")
    assert instruction is not None, "the runtime stage has no HEALTHCHECK"
    assert ("CMD", *(instruction.exec_form or ())) == design.health_check.test
    wanted = design.health_check
    assert dict(instruction.flags) == {
        "interval": f"{wanted.interval.total_seconds():g}s",
        "timeout": f"{wanted.timeout.total_seconds():g}s",
        "start-period": f"{wanted.start_period.total_seconds():g}s",
        "retries": f"{wanted.retries}",
    }


@requirement("health.format")
def test_format_carries_the_health_check(image: Image) -> None:
    run_configuration = image.config.raw["config"]
    assert isinstance(run_configuration, dict)
    assert "Healthcheck" in run_configuration


@pytest.fixture
def built_with(harness_session: HarnessSession) -> Callable[[], HealthCheck | None]:
    """A function that gives the image's health check, and raises when the image's format has lost it.

    What an engine does without one then says nothing about the image. Only a check that is about to fail needs to ask.
    """
    return lambda: harness_session.image.health_check


@requirement("health.engine-definition")
def test_engine_holds_the_designed_health_check(
    deployed: Deployed, design: Design, built_with: Callable[[], HealthCheck | None]
) -> None:
    found = deployed.health_check
    if found is None:
        built_with()
    assert found is not None, "the engine holds no health check for the container"
    wanted = design.health_check
    assert (found.test, found.interval, found.timeout, found.start_period, found.retries) == (
        wanted.test,
        wanted.interval,
        wanted.timeout,
        wanted.start_period,
        wanted.retries,
    )


@requirement("health.probe-listening")
def test_probe_while_the_service_listens(container: Container, design: Design) -> None:
    assert container.run(design.health_check.test[1:]).exit_code == 0


@requirement("health.probe-not-listening")
def test_probe_while_nothing_listens_on_its_port(scenarios: Scenarios, design: Design) -> None:
    observed = scenarios.fallback_port()
    assert design.service.port not in [socket.port for socket in observed.sockets.value]
    assert observed.probe.value.exit_code == 1


@requirement("health.starting-first")
def test_starting_comes_first(running: Running, built_with: Callable[[], HealthCheck | None]) -> None:
    if running.first_state.health.status is HealthStatus.NONE:
        built_with()
    assert running.first_state.health.status is HealthStatus.STARTING


@requirement("health.healthy")
def test_becomes_healthy(running: Running, built_with: Callable[[], HealthCheck | None]) -> None:
    statuses = running.health.result().statuses
    if HealthStatus.HEALTHY not in statuses:
        built_with()
    assert statuses == (HealthStatus.STARTING, HealthStatus.HEALTHY)


@requirement("health.wrong-port")
def test_unhealthy_while_the_service_listens_on_another_port(scenarios: Scenarios, design: Design) -> None:
    health = scenarios.fallback_port().health.value
    assert health.status is HealthStatus.UNHEALTHY
    assert health.failing_streak >= design.health_check.retries


def stalled(scenarios: Scenarios) -> Stall:
    """Return what the engine made of a hanging service."""
    return scenarios.without_pythonpath().stall.value


@requirement("health.stalled")
def test_unhealthy_while_the_service_hangs(scenarios: Scenarios, design: Design) -> None:
    stall = stalled(scenarios)
    assert stall.unhealthy
    assert stall.failures == design.health_check.retries


@requirement("health.recovers")
def test_healthy_again_when_the_service_goes_on(scenarios: Scenarios) -> None:
    stall = stalled(scenarios)
    if not stall.unhealthy:
        pytest.fail("the service was not called unhealthy, so nothing shows that it recovered")
    assert stall.recovered


@requirement("health.as-designed")
def test_becomes_healthy_with_the_designed_timing(
    harness_session: HarnessSession, design: Design, clock: Clock
) -> None:
    wanted = design.health_check
    engine, image = harness_session.engine, harness_session.engine_image
    plainly = RunOptions(publish=(Port(design.service.port),))
    with Boot.start(engine, design, image, plainly, lambda: clock) as boot:
        timeline = boot.health.result()
        reached = timeline.until(HealthStatus.HEALTHY)
        assert timeline.statuses == (HealthStatus.STARTING, HealthStatus.HEALTHY)
        assert reached is not None
        within = wanted.start_period + wanted.interval
        if reached > within:
            answer, took = boot.answering.result()
            if answer.answered and took > wanted.start_period:
                # A check that skips is unproven: how long the image would take on a faster machine is not known.
                pytest.skip(f"it took {took} to answer: too slow a machine for a start of {wanted.start_period}")
        assert timedelta() < reached <= within
