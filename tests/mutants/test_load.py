"""Which mutants a repository has, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.mutants import Good
from image_harness.mutants.load import load_mutants, load_subject, selected
from image_harness.mutants.making import behaviour
from image_harness.mutants.runtime import batches

MODULE = """
from image_harness.mutants import mutant

def mutants(good):
    yield mutant({id!r}, "no user", {kills!r}, lambda draft: draft.run.pop("User"))
"""


def write(good: Good, name: str, id_: str = "user.absent", kills: str = "user.config") -> None:
    assert good.subject.mutants is not None
    (good.subject.mutants / name).write_text(MODULE.format(id=id_, kills=kills))


def test_every_module_of_the_folder_is_asked(good: Good) -> None:
    write(good, "one.py")
    write(good, "two.py", "user.empty")
    write(good, "_shared.py", "not.asked")

    assert [mutant.id for mutant in load_mutants(good)] == ["user.absent", "user.empty"]


@pytest.mark.parametrize(
    ("id_", "kills", "words"),
    [
        ("user.absent", "user.config", "stands twice"),
        ("other", "user.confg", "unknown requirement 'user.confg'"),
        ("other", "", "unknown requirement ''"),
    ],
)
def test_a_wrong_mutant_is_told_in_one_line(good: Good, id_: str, kills: str, words: str) -> None:
    write(good, "one.py")
    write(good, "two.py", id_, kills)

    with pytest.raises(HarnessError, match=words):
        load_mutants(good)


def test_a_module_without_mutants_is_told(good: Good) -> None:
    assert good.subject.mutants is not None
    (good.subject.mutants / "empty.py").write_text("")

    with pytest.raises(HarnessError, match="no function mutants"):
        load_mutants(good)


def test_mutants_are_chosen_by_id_requirement_or_pattern(good: Good) -> None:
    write(good, "one.py")
    write(good, "two.py", "place.absent", "workdir")
    everything = load_mutants(good)

    assert [m.id for m in selected(everything, ["workdir"])] == ["place.absent"]
    assert [m.id for m in selected(everything, ["user.*"])] == ["user.absent"]
    assert len(selected(everything, [])) == 2
    with pytest.raises(HarnessError, match="no mutant and no requirement 'nothing'"):
        selected(everything, ["nothing"])


def test_a_repository_without_a_subject_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"conftest\.py: there is no such file"):
        load_subject(tmp_path)


def test_two_mutants_of_one_image_may_not_break_the_same() -> None:
    one = behaviour("one", "a defect", "a", lambda _draft: None, batch="x")
    two = behaviour("two", "another", "b", lambda _draft: None, batch="x", follows="a")

    with pytest.raises(HarnessError, match="both break a"):
        batches([one, two])
    assert list(batches([one, behaviour("three", "alone", "a", lambda _draft: None)])) == ["x", "three"]
