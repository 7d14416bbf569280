"""The page and the plot are what the numbers say, and say it truly."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.peers.document import from_json, to_json
from benchmarks.peers.model import Answer, Comparison, Cost, Outcome, Row, Tool, Verdict
from benchmarks.peers.picture import svg
from benchmarks.peers.table import markdown, ratio, summary

DOCS = Path(__file__).parents[2] / "docs"
PASSED, FAILED, NO_ANSWER = (
    Answer(Outcome.PASSED),
    Answer(Outcome.FAILED, "it is red"),
    Answer(Outcome.NO_ANSWER, "a|b"),
)
PEER = Tool.GOSS


def row(good: Answer | None, bad: Answer = PASSED, *, id_: str = "one", means: str = "file") -> Row:
    """An assertion that one tool may express; the harness catches its defect."""
    said = {} if good is None else {PEER: means}
    others = [tool for tool in Tool if tool not in said and tool is not Tool.HARNESS]
    own = Tool.HARNESS
    return Row(
        id_,
        f"{id_} holds",
        f"mutant.{id_}",
        "a defect",
        {**said, own: "requirement"},
        dict.fromkeys(others, "no words <for> it"),
        {**({} if good is None else {PEER: good}), own: PASSED},
        {**({} if good is None else {PEER: bad}), own: FAILED},
    )


def comparison(*rows: Row) -> Comparison:
    cost = Cost((3.0, 1.0, 2.0), (40.0, 50.0, 60.0))
    said = tuple(dataclasses.replace(found) for found in rows)
    whole = dataclasses.replace(
        row(FAILED, FAILED, id_="false", means="another"),
        means=dict.fromkeys(Tool, "another"),
        why_not={},
        good=dict.fromkeys(Tool, FAILED),
        bad=dict.fromkeys(Tool, FAILED),
    )
    return Comparison(
        machine="2 processors",
        versions=dict.fromkeys(Tool, "1.0"),
        rows=(*said, whole),
        costs=dict.fromkeys(Tool, cost),
        structure_checks=21,
        structure={Tool.STRUCTURE_TEST: Cost((60.0,), (30.0,)), Tool.HARNESS: Cost((6.0,), (100.0,))},
        imports_seconds=(4.0, 9.0, 5.0),
        helped_imports_seconds=(3.0, 2.5, 2.0),
        property_ms=0.09,
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (row(PASSED, FAILED), Verdict.CAUGHT),
        (row(PASSED, PASSED), Verdict.MISSED),
        (row(FAILED, FAILED), Verdict.FALSE_ALARM),
        (row(FAILED, PASSED), Verdict.FALSE_ALARM),
        (row(NO_ANSWER, FAILED), Verdict.NO_ANSWER),
        (row(PASSED, NO_ANSWER), Verdict.NO_ANSWER),
        (row(None), Verdict.INEXPRESSIBLE),
    ],
)
def test_verdict(found: Row, verdict: Verdict) -> None:
    assert comparison(found).verdict(found, PEER) is verdict


@pytest.mark.parametrize("shown", [FAILED, NO_ANSWER])
def test_pass_by_means_that_cannot_look_is_blind(shown: Answer) -> None:
    negative, positive = row(PASSED, PASSED, means="package"), row(shown, FAILED, id_="two", means="package")

    assert comparison(negative, positive).verdict(negative, PEER) is Verdict.BLIND
    assert comparison(negative, row(PASSED, id_="two", means="package")).verdict(negative, PEER) is Verdict.MISSED


def test_document_holds_everything() -> None:
    made = comparison(row(PASSED, FAILED), row(None, id_="two"))

    assert from_json(json.loads(json.dumps(to_json(made)))) == made


def test_page_counts_and_gives_reasons() -> None:
    text = markdown(comparison(row(PASSED, FAILED), row(NO_ANSWER, FAILED, id_="two"), row(None, id_="three")))

    assert "| goss | 1.0 | 3 of 4 | 1 | 1 | 1 | 2.0 | 0.67 | 50 |" in text
    assert "| one holds | `mutant.one`: a defect | cannot say | **caught** | cannot say | **caught** |" in text, (
        "the verdicts stand in the order of the tools"
    )
    assert "- goss, cannot look: two: `a\\|b`" in text
    assert "- goss, cannot say: three: no words" in text


def test_page_tells_how_many_times_faster() -> None:
    made = comparison()

    assert ratio(made) == 10
    assert "10.0 times as fast; the project's aim is 30" in markdown(made)
    assert "takes 5.0 s to import all ten by one plain start, measured in turn with the two, and 2.5 s\n" in markdown(
        made
    )
    assert "more than\n24.0 times as fast." in markdown(made)
    assert "ratio 10.0 (the project's aim is 30)" in summary(made)


def test_plot_is_one_document_with_every_verdict_in_words() -> None:
    made = comparison(row(PASSED, FAILED), row(NO_ANSWER, FAILED, id_="two"), row(None, id_="three"))
    root = ET.fromstring(svg(made))
    words = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    width = float(root.attrib["width"])

    for verdict in (Verdict.CAUGHT, Verdict.NO_ANSWER, Verdict.INEXPRESSIBLE, Verdict.FALSE_ALARM):
        assert any(text.endswith(f" {verdict}") for text in words)
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(box.get("x", "0")) + float(box.attrib["width"]) <= width
        assert float(box.get("y", "0")) + float(box.attrib["height"]) <= float(root.attrib["height"])


def published() -> Comparison:
    return from_json(json.loads((DOCS / "peers.json").read_text(encoding="utf-8")))


def test_published_page_is_what_its_numbers_say() -> None:
    assert (DOCS / "peers.md").read_text(encoding="utf-8") == markdown(published())


def test_published_plot_is_what_its_numbers_say() -> None:
    assert (DOCS / "peers.svg").read_text(encoding="utf-8") == svg(published())


def test_the_harness_catches_every_seeded_defect() -> None:
    found = published()

    assert found.count(Tool.HARNESS, Verdict.CAUGHT) == len(found.rows)
