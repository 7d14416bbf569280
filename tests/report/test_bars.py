from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from image_harness.report.bars import bar
from image_harness.report.model import SectionSummary
from image_harness.types import Status

COUNTS = st.integers(min_value=0, max_value=10_000)
SECTIONS = st.builds(SectionSummary, st.just("any"), COUNTS, COUNTS, COUNTS, COUNTS)


@given(SECTIONS, st.integers(min_value=8, max_value=1000))
def test_a_bar_is_always_full(section: SectionSummary, width: int) -> None:
    assert sum(cells for _, cells in bar(section, width, least=2)) == width


@given(SECTIONS)
def test_every_status_that_occurs_is_seen_and_no_other(section: SectionSummary) -> None:
    occurring = {Status.MET: section.met, Status.NOT_MET: section.not_met, Status.UNPROVEN: section.unproven}
    shown = {status for status, cells in bar(section, 20) if cells > 0}
    assert shown - {Status.NOT_SELECTED} == {status for status, number in occurring.items() if number}


def test_one_failure_among_thousands_is_seen() -> None:
    assert bar(SectionSummary("any", met=9999, not_met=1), 20) == [(Status.MET, 19), (Status.NOT_MET, 1)]


def test_an_empty_section_is_not_selected() -> None:
    assert bar(SectionSummary("any"), 20) == [(Status.NOT_SELECTED, 20)]
