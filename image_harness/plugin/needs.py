"""What the selected checks need to have running, known before the first of them runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_harness.marks import ASKS
from image_harness.types import Evidence

if TYPE_CHECKING:
    import pytest

    from image_harness.design import Design

_INTERPRETER = {"interpreter", "told"}

Asked = tuple[str, tuple[str, ...]]
"""A program for the image's interpreter, and its arguments."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What containers a run starts.

    Attributes:
        running: Whether any check looks at the shared container.
        scenarios: Whether any check looks at the service under the design's circumstances.
        interpreter: Whether any check wants to know something from the image's interpreter.
        asked: What that is, beyond what everybody wants to know.
    """

    running: bool = False
    scenarios: bool = False
    interpreter: bool = False
    asked: tuple[Asked, ...] = ()


def needs_of(tests: Iterable[pytest.Item], design: Design) -> Needs:
    """Find out what tests need, from the fixtures that they ask for and the marks that they wear."""
    chosen = list(tests)
    fixtures = {name for test in chosen for name in getattr(test, "fixturenames", ())}
    asked = (asked_by(test, design) for test in chosen)
    return Needs(
        running="running" in fixtures,
        scenarios="scenarios" in fixtures,
        interpreter=not fixtures.isdisjoint(_INTERPRETER),
        asked=tuple(dict.fromkeys(question for question in asked if question is not None)),
    )


def waits(test: pytest.Item) -> int:
    """Rank a test by how long the containers boot that it looks into: what needs none does not wait for any.

    A test that waits holds up all those after it, so they are to run in the order of this rank.
    """
    fixtures = set(getattr(test, "fixturenames", ()))
    if "scenarios" in fixtures:
        return 3
    if not fixtures.isdisjoint(_INTERPRETER):
        return 2
    return 1 if test.get_closest_marker(Evidence.RUNTIME) is not None else 0


def asked_by(test: pytest.Item, design: Design) -> Asked | None:
    """Return what a test's ``asks`` mark asks of the interpreter; None when it wears none."""
    mark = test.get_closest_marker(ASKS)
    if mark is None:
        return None
    code, arguments = mark.args
    return code, tuple(arguments(design)) if arguments is not None else ()
