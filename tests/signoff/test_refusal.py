from __future__ import annotations

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.refusal import Allowance, Allowed, Refusal, decide, parse_allowances

STAND_IN = Refusal("bases.stand-in", "not built on the upstream images")
DIRTY = Refusal("source.dirty", "differs")
CHANGED = Refusal("image.changed", "another image", allowable=False)


def test_an_allowance_is_a_reason_and_grounds() -> None:
    assert parse_allowances(["bases.stand-in=no  registry\nin reach"]) == (
        Allowance("bases.stand-in", "no registry in reach"),
    )


@pytest.mark.parametrize(
    "text",
    ["bases.stand-in", "bases.stand-in=", "bases.stand-in=  ", "=why", "two words=why", "", "a=caf\udce9", "a=\x1b[2J"],
)
def test_an_allowance_without_grounds_or_reason_is_a_mistake(text: str) -> None:
    with pytest.raises(HarnessError, match="not a reason's id and the grounds"):
        parse_allowances([text])


def test_one_reason_is_allowed_once() -> None:
    with pytest.raises(HarnessError, match=r"bases\.stand-in is allowed twice"):
        parse_allowances(["bases.stand-in=a", "bases.stand-in=b"])


def test_without_reasons_an_image_may_ship() -> None:
    assert decide([], []).may_ship


def test_reasons_stand_in_their_order() -> None:
    decision = decide([STAND_IN, DIRTY], [])

    assert decision.refused == (STAND_IN, DIRTY)
    assert not decision.may_ship


def test_an_allowance_covers_the_reason_of_exactly_its_id() -> None:
    decision = decide([STAND_IN, DIRTY], [Allowance("bases.stand-in", "none in reach"), Allowance("source", "x")])

    assert decision.refused == (DIRTY,)
    assert decision.allowed == (Allowed(STAND_IN, "none in reach"),)
    assert decision.unused == (Allowance("source", "x"),)


def test_what_leaves_the_verdict_without_an_image_cannot_be_allowed() -> None:
    decision = decide([CHANGED], [Allowance("image.changed", "never mind")])

    assert decision.refused == (CHANGED,)
    assert decision.allowed == ()
    assert decision.unused == ()
