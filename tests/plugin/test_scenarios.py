"""Circumstances are observed once each; what needs no container of its own is asked of the interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.design import Design, load_design
from image_harness.engine import Answer, Clock, Engine, Question, Reply, ServicePlan
from image_harness.plugin import scenarios as module
from image_harness.plugin.interpreter import Interpreter
from image_harness.plugin.scenarios import FALLBACK_PORT, WITHOUT_PYTHONPATH, Scenarios, plans, starts

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


def test_each_circumstance_is_observed_once(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    scenarios = made(service, design, pool, monkeypatch)
    for name in (FALLBACK_PORT, WITHOUT_PYTHONPATH, FALLBACK_PORT):
        assert scenarios.service(name).answer.answered
    assert len(service.plans) == 2
    assert {plan.options.unset for plan in service.plans} == {("PYTHONPATH",), ("RDP_MONITOR_PORT",)}


def test_what_is_brought_along_is_in_every_container_and_who_is_in_a_hurry_goes_first(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    scenarios = made(service, design, pool, monkeypatch)
    _ = scenarios.service(FALLBACK_PORT), scenarios.service(WITHOUT_PYTHONPATH)
    assert {plan.options.files for plan in service.plans} == {b"files"}
    shares = {plan.half_request is not None: plan.options.processor_share or 0 for plan in service.plans}
    assert shares[True] > 1024
    assert not shares[False], "the share that every container has"


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
    native, slow = (plans(design, clock) for clock in (Clock(), Clock(slowness=4)))
    assert {slow[name].answer_limit / native[name].answer_limit for name in native} == {4}
    checks = [(slow[name].options.health_check, native[name].options.health_check) for name in native]
    assert {there.start_interval / here.start_interval for there, here in checks} == {4}  # type: ignore[union-attr, operator]
