from __future__ import annotations

from dataclasses import dataclass

from image_harness.plugin.tracing import TracedCheck, problems
from image_harness.types import Evidence


@dataclass(frozen=True)
class Wanted:
    id: str
    evidence: Evidence = Evidence.IMAGE
    release: bool = False


USER = Wanted("user.config")
LABEL = Wanted("labels.title")
HEALTHY = Wanted("health.reached", Evidence.RUNTIME)
AS_DESIGNED = Wanted("health.as-designed", Evidence.RUNTIME, release=True)


def check(nodeid: str, *ids: str) -> TracedCheck:
    return TracedCheck(nodeid, ids)


def test_a_suite_in_which_every_requirement_has_a_check_has_no_problems() -> None:
    checks = [check("t.py::a", "user.config"), check("t.py::b", "labels.title")]

    assert problems(checks, [], [USER, LABEL], complete=True) == []


def test_a_requirement_without_a_check_is_named() -> None:
    found = problems([check("t.py::a", "user.config")], [], [USER, LABEL], complete=True)

    assert len(found) == 1
    assert "'labels.title' has no check" in found[0]


def test_a_requirement_without_a_check_is_not_held_against_a_part_of_the_suite() -> None:
    assert problems([check("t.py::a", "user.config")], [], [USER, LABEL], complete=False) == []


def test_an_unknown_id_names_the_check_even_in_a_part_of_the_suite() -> None:
    found = problems([check("t.py::a", "user.confg")], [], [USER], complete=False)

    assert found == ["t.py::a: unknown requirement 'user.confg'; add it to the design or correct the id"]


def test_a_check_that_names_no_requirement_is_named() -> None:
    found = problems([], ["t.py::a"], [], complete=False)

    assert len(found) == 1
    assert found[0].startswith("t.py::a: the check names no requirement")


def test_one_check_cannot_decide_requirements_of_two_kinds_of_evidence() -> None:
    found = problems([check("t.py::a", "user.config", "health.reached")], [], [USER, HEALTHY], complete=True)

    assert len(found) == 1
    assert "different kinds (image, runtime)" in found[0]


def test_one_check_cannot_decide_a_release_requirement_and_another() -> None:
    found = problems(
        [check("t.py::a", "health.reached", "health.as-designed")], [], [HEALTHY, AS_DESIGNED], complete=True
    )

    assert len(found) == 1
    assert "release" in found[0]
