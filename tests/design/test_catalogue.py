"""The catalogue: one requirement per item, and every line of the documents traced to what decides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.design import load_design
from image_harness.design.catalogue import trace
from image_harness.design.model import Line, Requirement
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
    assert trace([line("labels.*")], CATALOGUE)[0].requirements == ("labels.a", "labels.b")


def test_a_pattern_that_fits_nothing_names_its_line() -> None:
    with pytest.raises(HarnessError, match=r"^lines, report 4: no requirement fits 'label\.\*'"):
        trace([line("labels.*", "label.*")], CATALOGUE)


def test_a_requirement_of_the_report_that_no_line_asks_for_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"no line asks for the requirement 'labels\.b'"):
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
