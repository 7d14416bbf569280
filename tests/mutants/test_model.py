"""When a mutant counts as killed."""

from __future__ import annotations

import pytest

from image_harness.mutants.making import behaviour, mutant, refused
from image_harness.mutants.model import Sighting, Verdict, judge, refusal, sighting_of
from image_harness.mutants.results import difference
from image_harness.report.model import CheckOutcome
from tests.report.generate import check, report, requirement

MUTANT = mutant("m", "a defect", "a", lambda _draft: None, follows="b", blinds="c")


@pytest.mark.parametrize(
    ("not_met", "unproven", "verdict"),
    [
        ("ab", "", Verdict.KILLED),
        ("ab", "c", Verdict.KILLED),
        ("abc", "", Verdict.KILLED),
        ("", "", Verdict.SURVIVED),
        ("b", "", Verdict.SURVIVED),
        ("b", "a", Verdict.SURVIVED),
        ("a", "", Verdict.MISATTRIBUTED),
        ("a", "b", Verdict.MISATTRIBUTED),
        ("abd", "", Verdict.MISATTRIBUTED),
        ("ab", "d", Verdict.MISATTRIBUTED),
    ],
)
def test_only_exactly_the_named_requirements_kill_it(not_met: str, unproven: str, verdict: Verdict) -> None:
    sighting = Sighting(dict.fromkeys(not_met, "lost"), dict.fromkeys(unproven, "blind"))

    assert judge(MUTANT, sighting).verdict is verdict


def test_a_refused_image_kills_nothing() -> None:
    assert judge(MUTANT, Sighting({"a": "", "b": ""}, refused="no layout")).verdict is Verdict.SURVIVED


def test_others_of_the_same_image_are_not_held_against_it() -> None:
    other = behaviour("o", "another defect", "d", lambda _draft: None, batch="x", blinds="e")
    sighting = Sighting(dict.fromkeys("abd", "lost"), {"e": "blind"})

    assert judge(MUTANT, sighting, [other]).verdict is Verdict.KILLED
    assert judge(MUTANT, sighting).verdict is Verdict.MISATTRIBUTED


def test_two_ways_of_looking_agree_or_are_told_apart() -> None:
    seen = Sighting({"a": "lost"}, {"c": "blind"})

    assert difference(seen, Sighting({"a": "otherwise"}, {"c": "too"})) == ""
    assert difference(seen, Sighting({"b": "lost"}, {"c": "blind"})) == "not met as well: b; not not met: a"
    assert difference(seen, Sighting(refused="no layout")) == "the image is refused: no layout"
    assert difference(Sighting(refused="x"), Sighting(refused="y")) == ""


@pytest.mark.parametrize(
    ("unproven", "not_met", "killed"),
    [
        ({"a": "ImageError: x: is missing", "b": "ImageError: x: is missing"}, {}, True),
        ({"a": "ImageError: x: is missing"}, {}, False),
        ({"a": "ImageError: x: is missing", "b": "ImageError: x: is missing"}, {"c": "lost"}, False),
        ({"a": "ImageError: x: has 3 bytes", "b": "ImageError: x: has 3 bytes"}, {}, False),
    ],
    ids=["everything is blind", "something is met", "something is lost", "for another reason"],
)
def test_a_damaged_layout_must_be_refused_for_what_is_wrong_with_it(
    unproven: dict[str, str], not_met: dict[str, str], *, killed: bool
) -> None:
    spoiled = refused("format.absent", "a blob is absent", "is missing", lambda _folder: None)
    seen = refusal(Sighting(not_met, unproven), ["a", "b"])

    assert (judge(spoiled, seen).verdict is Verdict.KILLED) is killed


def test_a_sighting_is_what_a_report_says_is_wrong_and_why() -> None:
    made = report(
        requirement("met", check("a")),
        requirement("lost", check("b"), check("c", CheckOutcome.FAILED, message="1 == 2")),
        requirement("blind", check("d", CheckOutcome.ERROR, message="gone")),
        requirement("retried", check("e", retries=1)),
        requirement("left-out", selected=False),
    )

    assert sighting_of(made, 1.5) == Sighting({"lost": "1 == 2"}, {"blind": "gone", "retried": ""}, 1.5)
