"""The catalogue: one requirement per item, and every line of the documents traced to what decides it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from image_harness.design import load_design
from image_harness.design.catalogue import Item, TracedLine, collect, expand, trace
from image_harness.design.model import Line, Requirement, Section
from image_harness.errors import HarnessError
from image_harness.types import Evidence, Origin

DESIGN = load_design(Path(__file__).parents[2] / "designs" / "rdp-monitor.yaml")


def wanted(id_: str, origin: Origin = Origin.REPORT) -> Requirement:
    return Requirement(
        id=id_, section="s", title="t", text="t", origin=origin, evidence=Evidence.IMAGE, source="report 1"
    )


CATALOGUE = (wanted("labels.a"), wanted("labels.b"), wanted("elf", Origin.BEYOND))


def line(*patterns: str) -> Line:
    return Line(place="report 4", text="all labels", requirements=patterns)


def test_a_line_means_all_requirements_that_its_patterns_fit() -> None:
    found = trace([line("labels.*")], CATALOGUE)
    assert found == (TracedLine("report 4", "all labels", ("labels.a", "labels.b")),)


def test_a_pattern_that_fits_nothing_names_its_line() -> None:
    with pytest.raises(HarnessError, match=r"^lines, report 4: no requirement fits 'label\.\*'; correct it$"):
        trace([line("labels.*", "label.*")], CATALOGUE)


def test_a_requirement_of_the_report_that_no_line_asks_for_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"^lines: no line asks for the requirement 'labels\.b'; add it to one$"):
        trace([line("labels.a")], CATALOGUE)


def test_a_design_without_lines_has_nothing_to_trace() -> None:
    assert trace([], CATALOGUE) == ()


@pytest.mark.parametrize("number", range(1, 12))
def test_the_monitors_design_has_lines_of_every_section_of_the_report(number: int) -> None:
    places = [found.place.partition(",")[0] for found in DESIGN.traced_lines]
    assert f"report {number}" in places


def test_the_monitors_design_has_the_reports_enhancements_and_recommendations() -> None:
    places = {found.place for found in DESIGN.traced_lines}
    assert {f"report, minor enhancement {number}" for number in range(1, 5)} <= places
    assert {"report, recommendation 2", "report, recommendation 3"} <= places


class Named(BaseModel):
    slug: str
    value: str | None = None
    text: str | None = None
    pattern: str | None = None


class Values(BaseModel):
    paths: tuple[str, ...] = ("/", "/a b//c/")
    named: tuple[Named, ...] = ()
    mapping: dict[str, str] = {}


@pytest.mark.parametrize(
    ("text", "slug"), [("/", "root"), ("", "root"), ("/a b//c/", "a-b-c"), ("X/a.b_c+d-0/X", "X-a.b_c+d-0-X")]
)
def test_a_member_has_a_slug_that_ids_can_hold(text: str, slug: str) -> None:
    assert collect(Values(paths=(text,)), "paths") == (Item(text, text, slug),)


def test_members_of_a_mapping_have_its_keys() -> None:
    assert collect(Values(mapping={"a/b": "1"}), "mapping") == (Item("a/b", "1", "a-b"),)


def test_an_empty_collection_has_no_members() -> None:
    assert collect(Values(), "named") == ()


@pytest.mark.parametrize("name", ["none", "paths.none", "none.none"])
def test_a_collection_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(HarnessError) as caught:
        collect(Values(), name)
    assert str(caught.value) == f"{name}: the design has no such collection; use a list or mapping of the design"


def of_each(collection: str) -> Requirement:
    return wanted("x.{key}").model_copy(
        update={"for_each": collection, "title": "{key} is {value}", "text": "that {key} be {value}"}
    )


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        (Named(slug="a/b", value="v"), "v"),
        (Named(slug="a/b", text="t"), "t"),
        (Named(slug="a/b", pattern="p"), "p"),
        (Named(slug="a/b"), "slug='a/b' value=None text=None pattern=None"),
    ],
)
def test_a_requirement_of_each_member_says_what_the_member_must_be(member: Named, shown: str) -> None:
    found = expand([of_each("named")], [Section(id="s", title="S")], Values(named=(member,)))
    assert [(one.id, one.title, one.text) for one in found] == [("x.a-b", f"a/b is {shown}", f"that a/b be {shown}")]


def test_requirements_are_in_the_order_of_their_sections() -> None:
    late = wanted("late").model_copy(update={"section": "z"})
    sections = [Section(id="s", title="S"), Section(id="z", title="Z")]
    assert [one.id for one in expand([late, wanted("early")], sections, Values())] == ["early", "late"]
