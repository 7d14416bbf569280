"""What the image does under the circumstances of the design."""

from __future__ import annotations

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.plugin.running import Deployed
from image_harness.plugin.scenarios import Scenarios


@requirement("scenario.invalid-port.{key}", for_each="runtime.invalid_ports")
def test_invalid_port(scenarios: Scenarios, item: Item) -> None:
    assert scenarios.invalid_port(item.key).exit_code == 1


@requirement("scenario.message.{key}", for_each="runtime.invalid_ports")
def test_message(scenarios: Scenarios, design: Design, item: Item) -> None:
    assert f"{design.runtime.port_variable} is no port" in scenarios.invalid_port(item.key).logs


@requirement("scenario.stops")
def test_stops(scenarios: Scenarios) -> None:
    assert scenarios.fallback_port().stop.value.exit_code == 0


@requirement("scenario.stalls")
def test_stalls(scenarios: Scenarios) -> None:
    stall = scenarios.without_pythonpath().stall.value
    assert (stall.unhealthy, stall.recovered) == (True, True)


@requirement("scenario.deployed")
def test_deployed(deployed: Deployed, design: Design) -> None:
    assert deployed.answer.answered, deployed.answer.reason
    found = deployed.health_check
    assert found is not None
    assert found.test == design.health_check.test
    assert not deployed.oom_killed


@requirement("scenario.other-port")
def test_other_port(scenarios: Scenarios, design: Design) -> None:
    assert scenarios.other_port().serving == (design.runtime.other_port,)


@requirement("scenario.integration")
def test_integration(scenarios: Scenarios) -> None:
    found = scenarios.fallback_port().dependency.value
    assert [one["status"] for one in (found.absent, found.present, found.gone)] == ["degraded", "healthy", "degraded"]
