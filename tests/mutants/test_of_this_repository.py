"""The mutants of this repository: every requirement has one, each can be made, what was found is published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_harness.design import load_design
from image_harness.image import ImageReference
from image_harness.mutants.draft import Draft
from image_harness.mutants.good import Good, open_good
from image_harness.mutants.load import load_mutants, load_subject
from image_harness.mutants.runtime import batches

REPOSITORY = Path(__file__).parents[2]
LINE = re.compile(r"\d+ of \d+ mutants killed \([^)]*\); \d+ of \d+ requirements have at least one")
DESIGN = load_design(REPOSITORY / "designs" / "rdp-monitor.yaml")


def test_the_readme_says_what_the_last_run_has_found() -> None:
    found = LINE.findall((REPOSITORY / "docs" / "mutants.md").read_text(encoding="utf-8"))
    told = LINE.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))

    assert len(found) == 1
    assert told == found


def test_the_published_table_names_every_requirement_and_no_survivor() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \| (\d+) \| (\d+) \|$", (REPOSITORY / "docs" / "mutants.md").read_text(), re.MULTILINE
    )

    assert [id_ for id_, _, _ in rows] == [requirement.id for requirement in DESIGN.catalogue]
    assert [row for row in rows if row[1] != row[2]] == []
    assert [row for row in rows if row[1] == "0"] == []


@pytest.fixture(scope="module")
def monitor() -> Iterator[Good]:
    with open_good(load_subject(REPOSITORY), ImageReference.parse(DESIGN.image.reference)) as found:
        yield found


@pytest.mark.engine
def test_every_requirement_has_a_mutant(monitor: Good) -> None:
    broken = {id_ for mutant in load_mutants(monitor) for id_ in mutant.kills}

    assert [requirement.id for requirement in DESIGN.catalogue if requirement.id not in broken] == []


@pytest.mark.engine
def test_every_mutant_finds_what_it_changes(monitor: Good) -> None:
    for mutant in load_mutants(monitor):
        mutant.change(Draft(monitor))


@pytest.mark.engine
def test_mutants_of_one_image_fit_together(monitor: Good) -> None:
    for batch in batches(mutant for mutant in load_mutants(monitor) if mutant.batch).values():
        draft = Draft(monitor)
        for mutant in batch:
            mutant.change(draft)
