"""Every call that a run makes, and what is injected into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.injection import Fault, Injection

_IMAGE = "checks/test_image.py"
_SHARED = "checks/test_shared.py"
_APART = "checks/test_apart.py"
_SCENARIOS = "checks/test_scenarios.py"

_BROKEN = (Fault.REFUSED, Fault.DELAYED, Fault.CUT, Fault.FAILED)
_STREAM = (*_BROKEN, Fault.STALLED)


@dataclass(frozen=True)
class Call:
    """A call, and how a run is started whose verdicts depend on it.

    Attributes:
        name: As ``call_name`` has it.
        checks: What such a run looks at.
        faults: What is injected.
        nth: Which of the calls is hit; None for every one.
        harmless: Why a run does without the answer.
        no_other: Why there is no answer about another container.
    """

    name: str
    checks: str
    faults: tuple[Fault, ...]
    nth: int | None = 1
    harmless: str = ""
    no_other: str = ""


_ENGINE = "it is about the engine itself"
CALLS = (
    Call("GET /version", _IMAGE, _STREAM, no_other=_ENGINE),
    Call("GET /info", _IMAGE, _STREAM, no_other=_ENGINE),
    Call(
        "GET /containers/json", _IMAGE, (*_BROKEN, Fault.OTHERS), harmless="what dead runs left is looked for next time"
    ),
    Call(
        "GET /networks",
        _IMAGE,
        _BROKEN,
        harmless="what dead runs left is looked for next time",
        no_other="networks of others bear no label of a run",
    ),
    Call("GET /images/{name}/json", _IMAGE, (*_BROKEN, Fault.OTHERS)),
    Call("GET /images/{name}/get", _IMAGE, (*_STREAM, Fault.OTHERS)),
    Call("POST /containers/create", f"{_SHARED}::test_answers", (*_BROKEN, Fault.OTHERS)),
    Call("GET /containers/{id}/json", f"{_SHARED}::test_process_user", (*_STREAM, Fault.OTHERS), nth=2),
    Call(
        "PUT /containers/{id}/archive",
        f"{_SCENARIOS}::test_stops",
        _BROKEN,
        nth=None,
        no_other="it has no answer but its status",
    ),
    Call("POST /containers/{id}/start", f"{_SHARED}::test_answers", (*_BROKEN, Fault.OTHERS)),
    Call("POST /containers/{id}/exec", f"{_SHARED}::test_command_ends", (*_BROKEN, Fault.OTHERS)),
    Call("POST /exec/{id}/start", f"{_SHARED}::test_command_writes", (*_STREAM, Fault.OTHERS)),
    Call("GET /exec/{id}/json", f"{_SHARED}::test_command_ends", (*_BROKEN, Fault.OTHERS)),
    Call("GET /containers/{id}/logs", f"{_SHARED}::test_greets", (*_STREAM, Fault.OTHERS)),
    # The first one asks whether the calibration's container was left alone.
    Call("GET /events", f"{_SHARED}::test_health", (*_STREAM, Fault.OTHERS), nth=2),
    Call("GET /containers/{id}/changes", f"{_APART}::test_unchanged", (*_STREAM, Fault.OTHERS)),
    Call("POST /containers/{id}/stop", f"{_APART}::test_stops", (*_BROKEN, Fault.OTHERS)),
    Call("POST /containers/{id}/kill", f"{_SCENARIOS}::test_stops", (*_BROKEN, Fault.OTHERS), nth=None),
    Call(
        "DELETE /containers/{id}",
        f"{_SHARED}::test_answers",
        (*_BROKEN, Fault.OTHERS),
        harmless="what was seen before holds, and the engine is asked again at the end",
    ),
    Call("POST /networks/create", f"{_APART}::test_network", _BROKEN, no_other="the name alone is used"),
    Call(
        "GET /networks/{id}",
        f"{_APART}::test_network",
        _BROKEN,
        harmless="what was seen before holds, and the engine is asked again at the end",
        no_other="only whether there is one counts",
    ),
    Call(
        "DELETE /networks/{id}",
        f"{_APART}::test_network",
        (*_BROKEN, Fault.OTHERS),
        harmless="what was seen before holds, and the engine is asked again at the end",
    ),
)


@dataclass(frozen=True)
class Case:
    """One fault in one call of a run of one of the two images."""

    call: Call
    fault: Fault

    @property
    def injection(self) -> Injection:
        """The fault."""
        return Injection(self.call.name, self.fault, self.call.nth)

    @property
    def good(self) -> bool:
        """Whether the image is the good one: data about another must not make the bad one look like it."""
        return self.fault is not Fault.OTHERS

    @property
    def waits(self) -> bool:
        """Whether an answer does not come, so that a limit has to end the wait."""
        return self.fault in (Fault.DELAYED, Fault.STALLED)

    def __str__(self) -> str:
        return f"{self.call.name.replace(' ', '')}-{self.fault}"


def cases() -> Iterator[Case]:
    """All of them."""
    for call in CALLS:
        for fault in call.faults:
            yield Case(call, fault)
