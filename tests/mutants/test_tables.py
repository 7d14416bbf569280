"""The result for people and scripts."""

from __future__ import annotations

import json
from pathlib import Path

from markdown_it import MarkdownIt

from image_harness.design import load_design
from image_harness.mutants.making import behaviour, mutant
from image_harness.mutants.model import Sighting, judge
from image_harness.mutants.results import Campaign, complaints, to_json
from image_harness.mutants.tables import html, markdown

DESIGN = load_design(Path(__file__).parents[2] / "designs" / "rdp-monitor.yaml")


def campaign(*, complete: bool = False) -> Campaign:
    killed = mutant("user.root", "the user is root", "user.config", lambda _draft: None)
    survived = behaviour("<b>", "a & b", "workdir", lambda _draft: None)
    results = (
        judge(killed, Sighting({"user.config": "root"})),
        judge(survived, Sighting(unproven={"workdir": "<engine gone>"})),
    )
    return Campaign(DESIGN, "sha256:0", results, complete)


def test_the_line_counts_what_was_killed_and_what_is_covered() -> None:
    assert campaign().line == (
        f"1 of 2 mutants killed (1 static, 1 runtime); 2 of {len(DESIGN.catalogue)} requirements have at least one"
    )


def test_a_survivor_fails_the_run_and_says_what_was_seen() -> None:
    assert not campaign().passed
    assert complaints(campaign()) == ["survived: <b> (a & b): workdir is unproven (<engine gone>)"]


def test_only_a_complete_run_tells_which_requirements_have_no_mutant() -> None:
    assert campaign().uncovered == ()
    assert "stages.two" in campaign(complete=True).uncovered


def test_a_difference_between_memory_and_files_fails_the_run() -> None:
    killed = campaign().results[:1]
    found = Campaign(DESIGN, "sha256:0", killed, complete=False, differences={"user.root": "not met as well: workdir"})

    assert complaints(found) == ["user.root: from files, not met as well: workdir"]
    assert not found.passed
    assert Campaign(DESIGN, "sha256:0", killed, complete=False).passed


def test_what_should_not_have_turned_is_told_by_its_status() -> None:
    one = mutant("user.root", "the user is root", "user.config", lambda _draft: None)
    seen = Sighting({"user.config": "root", "workdir": "no such folder"}, {"expose": "gone"})

    (line,) = complaints(Campaign(DESIGN, "sha256:0", (judge(one, seen),), complete=False))

    assert line.endswith("(the user is root): expose is unproven, too (gone); workdir is not-met, too (no such folder)")


def test_markdown_has_a_row_for_every_requirement() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(campaign()))
    rows = sum(token.type == "tr_open" for token in tokens)

    assert rows == len(DESIGN.catalogue) + len({requirement.section for requirement in DESIGN.catalogue})
    assert "| `user.config` | 1 | 1 |" in markdown(campaign())
    assert "| `workdir` | 1 | 0 |" in markdown(campaign())


def test_html_shows_markup_as_text() -> None:
    page = html(campaign())

    assert "<b>" not in page
    assert "&lt;b&gt; (a &amp; b)" in page


def test_json_holds_every_mutant_and_every_requirement() -> None:
    document = json.loads(json.dumps(to_json(campaign())))

    assert [found["verdict"] for found in document["mutants"]] == ["killed", "survived"]
    assert len(document["requirements"]) == len(DESIGN.catalogue)
    assert document["passed"] is False
