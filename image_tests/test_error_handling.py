"""Section 10 of the report: error handling."""

from __future__ import annotations

import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.engine.dependency import DependencyObservation
from image_harness.plugin.running import Deployed
from image_harness.plugin.scenarios import Scenarios


@requirement("errors.invalid-port.{key}.exit-code", for_each="runtime.invalid_ports")
def test_invalid_port_ends_the_service(scenarios: Scenarios, item: Item) -> None:
    observed = scenarios.invalid_port(item.key)
    assert observed.exit_code == 1, f"it logged: {observed.logs[-400:]}"


@requirement("errors.invalid-port.{key}.message", for_each="runtime.invalid_ports")
def test_invalid_port_is_named(scenarios: Scenarios, design: Design, item: Item) -> None:
    logs = scenarios.invalid_port(item.key).logs
    lines = [line for line in logs.splitlines() if design.runtime.port_variable in line]
    assert lines, f"no line names {design.runtime.port_variable}: {logs[-400:]!r}"
    assert item.value.value in lines[0]
    assert "Traceback" not in logs


@requirement("errors.invalid-setting")
def test_invalid_setting_ends_the_service_and_is_named(scenarios: Scenarios, design: Design) -> None:
    observed, setting = scenarios.invalid_setting(), design.runtime.configuration
    assert observed.exit_code == 1, f"it logged: {observed.logs[-400:]}"
    assert [line for line in observed.logs.splitlines() if setting.variable in line and setting.invalid in line]


@requirement("errors.missing-integration")
def test_missing_integration_is_named_and_carried_on_without(deployed: Deployed) -> None:
    answer = deployed.answer
    assert answer.answered, answer.reason
    assert answer.body is not None
    assert answer.body["status"] == "degraded"
    assert "redis" in str(answer.body)


def integrated(scenarios: Scenarios) -> DependencyObservation:
    """Return what the service said while the integration came and went."""
    return scenarios.fallback_port().dependency.value


@requirement("errors.integration-comes")
def test_an_integration_that_comes_is_used(scenarios: Scenarios, design: Design) -> None:
    found = integrated(scenarios)
    assert found.absent.get("status") == "degraded"
    assert design.runtime.integration.name in str(found.absent)
    assert found.present.get("status") == "healthy"


@requirement("errors.integration-goes")
def test_an_integration_that_goes_is_done_without(scenarios: Scenarios, design: Design) -> None:
    found = integrated(scenarios)
    if found.present.get("status") != "healthy":
        pytest.fail(f"the service never used {design.runtime.integration.name}, so it could not lose it")
    assert found.gone.get("status") == "degraded"
    assert design.runtime.integration.name in str(found.gone)
