"""Circumstances share a container, and are taken apart when it does not answer."""

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
from image_harness.plugin.scenarios import (
    DEPLOYED,
    FALLBACK_PORT,
    OTHER_PORT,
    WITHOUT_PYTHONPATH,
    Scenarios,
    deployment,
    plans,
    starts,
)

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


class Service:
    """Stands in for the engine: answers, unless it is run under circumstances that it does not bear."""

    def __init__(self, *, bears_read_only: bool = True) -> None:
        self.bears_read_only = bears_read_only
        self.plans: list[ServicePlan] = []

    def observe(self, _engine: object, _image: str, plan: ServicePlan) -> Any:  # noqa: ANN401 - only two fields count
        self.plans.append(plan)
        answered = self.bears_read_only or not plan.options.read_only
        return SimpleNamespace(port=plan.port, answer=Answer(answered=answered, reason="" if answered else "died"))


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
    engine = cast("Engine", SimpleNamespace(emulates=lambda _platform: True))
    return Scenarios(engine, design, "image", Clock(), lambda: cast("Interpreter", Asked()), pool)


def test_a_service_that_bears_everything_is_booted_three_times(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    scenarios = made(service, design, pool, monkeypatch)
    found = [scenarios.service(name) for name in (DEPLOYED, OTHER_PORT, FALLBACK_PORT, WITHOUT_PYTHONPATH)]
    assert all(observed.answer.answered for observed in found)
    assert found[0] is found[1]
    assert len(service.plans) == 3
    shared = next(plan for plan in service.plans if plan.port == found[0].port)
    assert shared.options.read_only
    assert shared.options.environment["RDP_MONITOR_PORT"] == str(design.runtime.other_port)


def test_the_circumstance_that_it_does_not_bear_is_the_one_that_is_blamed(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(bears_read_only=False)
    scenarios = made(service, design, pool, monkeypatch)
    assert not scenarios.service(DEPLOYED).answer.answered
    assert scenarios.service(OTHER_PORT).answer.answered
    assert scenarios.service(OTHER_PORT) is scenarios.service(OTHER_PORT)
    assert len(service.plans) == 5


def test_failing_starts_are_asked_of_the_interpreter(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios = made(Service(), design, pool, monkeypatch)
    port = design.runtime.invalid_ports[0]
    assert repr(("RDP_MONITOR_PORT", port.value)) in scenarios.invalid_port(port.slug).logs
    assert repr(design.runtime.configuration.invalid) in scenarios.invalid_setting().logs
    assert repr(str(design.service.port)) in scenarios.port_taken().logs


def test_every_failing_start_is_the_images_own_command(design: Design) -> None:
    questions = starts(design, Clock())
    assert len(questions) == len(design.runtime.invalid_ports) + 2
    for question in questions.values():
        assert question.arguments[2:] == (*design.image.entrypoint, *design.image.cmd)


def test_time_limits_follow_the_clock(design: Design) -> None:
    native, slow = (plans(design, clock, emulated=True) for clock in (Clock(), Clock(slowness=4)))
    assert {slow[name].answer_limit / native[name].answer_limit for name in native} == {4}


@pytest.mark.parametrize(("emulated", "times"), [(False, 1), (True, 2)])
def test_an_emulator_gets_memory_of_its_own(design: Design, *, emulated: bool, times: int) -> None:
    options = deployment(design, emulated=emulated)
    assert options.memory == design.runtime.deployment.memory_mib * MIB * times
