"""What a mutant can change, and that nothing is changed silently, twice or in place."""

from __future__ import annotations

import pytest

from image_harness.errors import HarnessError
from image_harness.mutants import Draft, Good
from image_harness.mutants.changes import comment_out, in_dockerfile
from image_harness.mutants.making import in_stage, near_misses


def test_a_draft_leaves_the_good_image_as_it_is(good: Good) -> None:
    Draft(good).labels["key"] = "other"

    assert (Draft(good).labels["key"], good.image.config.labels["key"]) == ("value", "value")


def test_a_variable_keeps_its_place(good: Good) -> None:
    draft = Draft(good)
    draft.set_environment("A", "3")

    assert draft.environment == ["A=3", "B=2"]


def test_a_text_of_the_dockerfile_must_stand_there_once(good: Good) -> None:
    with pytest.raises(HarnessError, match="2 times"):
        in_dockerfile("A=1", "A=2")(Draft(good))


def test_one_of_several_texts_is_meant_by_its_number(good: Good) -> None:
    draft = Draft(good)
    draft.docker("A=1", "A=2", nth=-1)

    assert "ENV A=1" in draft.dockerfile
    assert "echo A=2" in draft.dockerfile


def test_a_stage_is_changed_alone(good: Good) -> None:
    draft = Draft(good)
    in_stage(draft, 1, "\nUSER 65532\n", "\nUSER root\n")

    assert draft.dockerfile.endswith("USER root\n")


def test_what_is_commented_out_stays_in_a_comment(good: Good) -> None:
    draft = Draft(good)
    comment_out("USER 65532")(draft)

    assert "\n# USER 65532\n" in draft.dockerfile


@pytest.mark.parametrize(
    "change",
    [
        lambda draft: draft.set_environment("C", "1"),
        lambda draft: draft.remove("/nowhere"),
        lambda draft: draft.change("/nowhere", mode=0o600),
        lambda draft: draft.edit("/etc/passwd", bytes),
        lambda draft: draft.docker("A=1", "A=2", nth=7),
        lambda draft: in_stage(draft, 2, "A", "B"),
        lambda draft: draft.comment_out("nothing"),
        lambda draft: draft.source("Dockerfile", str),
    ],
)
def test_a_change_that_changes_nothing_is_an_error(good: Good, change: object) -> None:
    with pytest.raises(HarnessError):
        change(Draft(good))  # type: ignore[operator]


def test_near_misses_are_no_hits_and_differ_from_one_another() -> None:
    found = dict(near_misses("0.0.0.0"))

    assert "0.0.0.0" not in found.values()
    assert len(set(found.values())) == len(found)
    assert {"", "  ", "0.0.0.0 "} <= set(found.values())
