"""The interpreter answers once, and then becomes the service if it is to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.design import Design, load_design
from image_harness.engine import Clock, Engine, EngineError, Inquiry, InterpreterFacts, Question, RunOptions
from image_harness.plugin import interpreter as module
from image_harness.plugin.interpreter import Interpreter
from image_harness.plugin.scenarios import fallback_port
from image_harness.types import HealthCheck

ROOT = Path(__file__).resolve().parents[2]
ASKED = Question("print(1)")


@pytest.fixture(scope="module")
def design() -> Design:
    return load_design(ROOT / "designs" / "rdp-monitor.yaml")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


class Host:
    """Stands in for the engine: its interpreter replies to each question with the question's number.

    Args:
        patch: Puts it into the place of the real one.
        problem: What goes wrong when it is asked.
        later: What goes wrong when it has become the service.
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, *, problem: Exception | None = None, later: Exception | None = None
    ) -> None:
        self.problem, self.later = problem, later
        self.asked: list[tuple[Inquiry, RunOptions]] = []
        patch.setattr(module, "interpreter_facts", self.facts)
        patch.setattr(module, "asked_interpreter", self.ask)
        patch.setattr(module, "observe_started", self.observe)

    def facts(self, _engine: object, _image: str, inquiry: Inquiry, options: RunOptions) -> InterpreterFacts:
        self.asked.append((inquiry, options))
        if self.problem is not None:
            raise self.problem
        return cast("InterpreterFacts", SimpleNamespace(replies=tuple(range(len(inquiry.questions)))))

    @contextlib.contextmanager
    def ask(self, engine: object, image: str, inquiry: Inquiry, options: RunOptions) -> Iterator[tuple[Any, Any]]:
        yield "its container", self.facts(engine, image, inquiry, options)

    def observe(self, container: object, plan: object) -> object:
        if self.later is not None:
            raise self.later
        return container, plan


def test_it_is_left_at_its_answers_where_no_service_is_to_be_observed(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(monkeypatch)
    asked = Interpreter(cast("Engine", None), design, "image", Clock(), [ASKED, ASKED], pool, b"files")
    assert cast("int", asked.reply(ASKED)) == 0
    with pytest.raises(EngineError, match="was not to become the service"):
        _ = asked.service
    ((inquiry, options),) = host.asked
    assert (inquiry.questions, inquiry.becomes, options.files) == ((ASKED,), None, b"files")


def test_it_becomes_the_service_with_what_that_is_to_find_and_not_before(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, plan = Host(monkeypatch), fallback_port(design, Clock(), b"files")
    asked = Interpreter(cast("Engine", None), design, "image", Clock(), [ASKED], pool, b"files", plan)
    assert cast("object", asked.service) == ("its container", plan)
    assert cast("int", asked.reply(ASKED)) == 0
    ((inquiry, options),) = host.asked
    assert inquiry.becomes is not None
    assert inquiry.becomes.arguments[2:] == (*design.image.entrypoint, *design.image.cmd)
    assert dict(inquiry.becomes.environment) == dict(plan.options.environment)
    assert inquiry.becomes.unset == plan.options.unset
    assert (dict(options.environment), options.unset) == ({}, ()), "what it says of itself is said without them"
    assert isinstance(options.health_check, HealthCheck)


def test_what_goes_wrong_while_it_is_asked_is_told_to_whoever_wants_to_know_anything(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Host(monkeypatch, problem=EngineError("gone"))
    plan = fallback_port(design, Clock())
    asked = Interpreter(cast("Engine", None), design, "image", Clock(), [ASKED], pool, plan=plan)
    for look in (lambda: asked.facts, lambda: asked.service, lambda: asked.reply(ASKED)):
        with pytest.raises(EngineError, match="gone"):
            look()


def test_what_goes_wrong_afterwards_leaves_its_answers_as_they_are(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Host(monkeypatch, later=EngineError("gone"))
    plan = fallback_port(design, Clock())
    asked = Interpreter(cast("Engine", None), design, "image", Clock(), [ASKED], pool, plan=plan)
    assert cast("int", asked.reply(ASKED)) == 0
    with pytest.raises(EngineError, match="gone"):
        _ = asked.service


def test_what_it_was_not_asked_is_an_error(
    design: Design, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Host(monkeypatch)
    asked = Interpreter(cast("Engine", None), design, "image", Clock(), [ASKED], pool)
    with pytest.raises(EngineError, match="was not asked this"):
        asked.reply(Question("print(2)"))
