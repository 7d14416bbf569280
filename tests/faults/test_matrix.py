"""No fault of an engine in any call of a run makes a requirement met, blames the image, or leaves anything behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.calls import call_name
from tests.faults.cases import CALLS, Case, cases
from tests.faults.conftest import Ground, Started
from tests.faults.injection import Fault
from tests.faults.runs import Outcome, require_well_ended

pytestmark = [pytest.mark.engine(image=False), pytest.mark.timeout(600)]

# Short enough to be waited for, and long for calls that take milliseconds.
_LIMIT = 5.0
# Runs mostly wait for containers.
_AT_ONCE = 3
_ANOTHER = "is of another"
_CALL = re.compile(r"\b(GET|POST|DELETE|HEAD|PUT) (/[^\s),]+)")


@dataclass(frozen=True)
class Baseline:
    """What runs without faults say of the two images, and what they ask the engine."""

    good: Outcome
    bad: Outcome
    calls: frozenset[str]


@pytest.fixture(scope="module")
def baseline(ground: Ground) -> Baseline:
    with ThreadPoolExecutor(2) as pool:
        good, bad = pool.map(lambda small: ground.run(small, "checks"), (ground.good, ground.bad))
    return Baseline(good.outcome, bad.outcome, frozenset(good.calls) | frozenset(bad.calls))


@pytest.fixture(scope="module")
def started(ground: Ground, request: pytest.FixtureRequest) -> Iterator[Callable[[Case], Future[Started]]]:
    """Gives the run of a case; those of all selected cases go on side by side, a few at a time."""
    chosen = [_parameters(item)["case"] for item in request.session.items if "case" in _parameters(item)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        if hasattr(request.config, "workerinput") and request.config.option.dist != "loadfile":
            # Each process has only some of the cases.
            yield lambda case: pool.submit(_run, ground, case)
            return
        runs = {case: pool.submit(_run, ground, case) for case in chosen}
        yield runs.__getitem__
        pool.shutdown(cancel_futures=True)


def _parameters(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else dict(callspec.params)


def _run(ground: Ground, case: Case) -> Started:
    small = ground.good if case.good else ground.bad
    return ground.run(small, case.call.checks, case.injection, limit=_LIMIT if case.waits else None)


def test_every_call_of_a_run_has_its_cases(baseline: Baseline) -> None:
    assert baseline.calls == {call.name for call in CALLS}


def test_every_call_has_every_fault_that_it_can_have() -> None:
    for call in CALLS:
        missing = {Fault.REFUSED, Fault.DELAYED, Fault.CUT, Fault.FAILED, Fault.OTHERS} - set(call.faults)
        assert missing <= ({Fault.OTHERS} if call.no_other else set()), call.name


def test_the_good_image_is_good_and_the_bad_one_bad(baseline: Baseline) -> None:
    assert baseline.good.red == {}
    assert (baseline.good.exit_code, baseline.bad.exit_code) == (0, 1)
    assert baseline.bad.of("met") == {
        "image.working-directory",
        "shared.answers",
        "shared.health-first",
        "scenario.deployed",
        "scenario.integration",
    }


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in cases()])
def test_a_fault(case: Case, baseline: Baseline, started: Callable[[Case], Future[Started]]) -> None:
    run = started(case).result()
    outcome, sound = run.outcome, baseline.good if case.good else baseline.bad
    assert run.injected, "the run never made the call"
    changed = {name: outcome.messages[name] for name, status in outcome.status.items() if status != sound.status[name]}
    assert {outcome.status[name] for name in changed} <= {"unproven"}, changed
    for message in changed.values():
        # Whose an answer is may show only in the next one.
        assert case.call.name in calls_in(message) or (case.fault is Fault.OTHERS and _ANOTHER in message), message
    if not outcome.status:
        assert case.call.name in calls_in(outcome.output), outcome.output
    assert (outcome.exit_code == 0) == (bool(outcome.status) and not outcome.of("not-met", "unproven"))
    require_well_ended(outcome)
    if case.call.harmless:
        assert not changed
        assert outcome.status
    elif case.good:
        assert changed or not outcome.status, "nothing depends on the call"


def calls_in(text: str) -> set[str]:
    """The calls that a message names."""
    return {call_name(method, path) for method, path in _CALL.findall(text)}
