"""Circumstances are observed once each; what needs no container of its own is asked of the interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.design import Design, load_design
from image_harness.engine import Answer, Clock, Engine, HealthStatus, Question, Reply, ServicePlan
from image_harness.plugin import scenarios as module
from image_harness.plugin.interpreter import Interpreter
from image_harness.plugin.scenarios import Scenarios, fallback_port, starts, without_pythonpath

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


class Service:
    """Stands in for the engine: answers under all circumstances."""

    def __init__(self) -> None:
        self.plans: list[ServicePlan] = []

    def observe(self, _engine: object, _image: str, plan: ServicePlan) -> Any:  # noqa: ANN401 - only two fields count
        self.plans.append(plan)
        return SimpleNamespace(port=plan.port, answer=Answer(answered=True))


class Asked:
    """Stands in for the interpreter: replies with what it was asked."""

    service = "what it became"

    def reply(self, question: Question) -> Reply:
        return Reply(1, "", repr(question))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


def made(service: Service, design: Design, pool: ThreadPoolExecutor, patch: pytest.MonkeyPatch) -> Scenarios:
    patch.setattr(module, "observe_service", service.observe)
    interpreter = cast("Interpreter", Asked())
    return Scenarios(cast("Engine", object()), design, "image", Clock(), lambda: interpreter, pool, b"files")


def test_only_what_the_interpreter_cannot_become_has_a_container_of_its_own(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    scenarios = made(service, design, pool, monkeypatch)
    for _ in range(2):
        assert scenarios.without_pythonpath().answer.answered
        assert cast("str", scenarios.fallback_port()) == "what it became"
    (plan,) = service.plans
    assert plan.options.unset == ("PYTHONPATH",)
    assert plan.options.files == b"files"


def test_the_services_are_observed_under_the_designs_circumstances(design: Design) -> None:
    fallback, without = fallback_port(design, Clock(), b"files"), without_pythonpath(design, Clock(), b"files")
    assert fallback.port.number == design.runtime.fallback_port
    assert fallback.options.environment["MONITOR_PORT"] == str(design.runtime.fallback_port)
    assert fallback.options.unset == ("RDP_MONITOR_PORT",)
    assert (fallback.health, without.health) == (HealthStatus.UNHEALTHY, HealthStatus.HEALTHY)
    assert {fallback.signal, without.signal} == {"SIGTERM", "SIGINT"}
    assert fallback.options.files == without.options.files == b"files"


def test_starts_that_need_no_container_are_asked_of_the_interpreter(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios = made(Service(), design, pool, monkeypatch)
    port = design.runtime.invalid_ports[0]
    assert repr(("RDP_MONITOR_PORT", port.value)) in scenarios.invalid_port(port.slug).logs
    assert repr(design.runtime.configuration.invalid) in scenarios.invalid_setting().logs
    assert repr(str(design.service.port)) in scenarios.port_taken().logs
    both = scenarios.other_port().logs
    assert repr(("RDP_MONITOR_PORT", str(design.runtime.other_port))) in both
    assert repr(("MONITOR_PORT", str(design.runtime.fallback_port))) in both


def test_every_such_start_is_the_images_own_command(design: Design) -> None:
    questions = starts(design, Clock())
    assert len(questions) == len(design.runtime.invalid_ports) + 3
    for question in questions.values():
        assert question.arguments[2:] == (*design.image.entrypoint, *design.image.cmd)


def test_time_limits_and_probes_follow_the_clock(design: Design) -> None:
    for plan in (fallback_port, without_pythonpath):
        native, slow = plan(design, Clock()), plan(design, Clock(slowness=4))
        assert slow.answer_within.total == native.answer_within.total * 4
        assert slow.answer_within.idle == native.answer_within.total * 3
        check, there = native.options.health_check, slow.options.health_check
        assert check is not None
        assert there is not None
        assert there.start_interval == (check.start_interval or timedelta()) * 4
