from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_harness.report.model import (
    CheckOutcome,
    CheckResult,
    LineFacts,
    LineResult,
    RequirementResult,
    RunFacts,
    SectionSummary,
    status_of,
    verdict_of,
)
from image_harness.types import Status

from .generate import check, good_report, report, requirement, whole_report

OUTCOMES = st.sampled_from(CheckOutcome)
CHECKS = st.lists(
    st.builds(CheckResult, nodeid=st.text(), outcome=OUTCOMES, retries=st.integers(min_value=0, max_value=2)),
    max_size=6,
)
STATUSES = st.lists(st.sampled_from(Status))


class TestStatus:
    def test_is_met_when_every_check_passed(self) -> None:
        assert status_of([check("a"), check("b")]) is Status.MET

    @pytest.mark.parametrize("other", CheckOutcome)
    def test_is_not_met_when_one_check_failed_whatever_the_others_say(self, other: CheckOutcome) -> None:
        assert status_of([check("a", other), check("b", CheckOutcome.FAILED)]) is Status.NOT_MET

    @pytest.mark.parametrize("outcome", [CheckOutcome.ERROR, CheckOutcome.SKIPPED])
    def test_is_unproven_when_a_check_could_not_look(self, outcome: CheckOutcome) -> None:
        assert status_of([check("a"), check("b", outcome)]) is Status.UNPROVEN

    def test_is_unproven_when_no_check_ran(self) -> None:
        assert status_of([]) is Status.UNPROVEN

    def test_is_unproven_when_a_check_passed_only_on_a_second_try(self) -> None:
        assert status_of([check("a"), check("b", retries=1)]) is Status.UNPROVEN

    def test_is_unproven_when_some_of_its_checks_were_left_out(self) -> None:
        assert status_of([check("a")], deselected=1) is Status.UNPROVEN

    def test_is_not_met_when_a_check_failed_although_others_were_left_out(self) -> None:
        assert status_of([check("a", CheckOutcome.FAILED)], deselected=1) is Status.NOT_MET

    def test_is_not_met_when_a_check_failed_after_a_retry(self) -> None:
        assert status_of([check("a", CheckOutcome.FAILED, retries=2)]) is Status.NOT_MET

    def test_is_not_selected_when_the_run_was_not_to_decide_it(self) -> None:
        assert status_of([], selected=False, deselected=3) is Status.NOT_SELECTED

    @staticmethod
    @given(CHECKS, st.integers(min_value=0, max_value=3))
    def test_met_means_checked_passed_at_once_and_nothing_left_out(checks: list[CheckResult], deselected: int) -> None:
        proven = (
            bool(checks)
            and deselected == 0
            and all(one.outcome is CheckOutcome.PASSED and one.retries == 0 for one in checks)
        )
        assert (status_of(checks, deselected=deselected) is Status.MET) == proven

    @staticmethod
    @given(CHECKS)
    def test_not_met_means_that_some_check_failed(checks: list[CheckResult]) -> None:
        failed = any(one.outcome is CheckOutcome.FAILED for one in checks)
        assert (status_of(checks) is Status.NOT_MET) == failed

    @staticmethod
    @given(CHECKS, OUTCOMES)
    def test_one_more_check_never_turns_a_requirement_better(checks: list[CheckResult], outcome: CheckOutcome) -> None:
        badness = [Status.MET, Status.UNPROVEN, Status.NOT_MET]
        before, after = status_of(checks), status_of([*checks, check("more", outcome)])
        assert not checks or badness.index(after) >= badness.index(before)


class TestVerdict:
    def test_is_unproven_when_nothing_was_selected(self) -> None:
        assert verdict_of([]) is Status.UNPROVEN
        assert verdict_of([Status.NOT_SELECTED]) is Status.UNPROVEN

    def test_is_met_when_everything_selected_is_met(self) -> None:
        assert verdict_of([Status.MET, Status.NOT_SELECTED]) is Status.MET

    def test_not_met_wins_over_unproven(self) -> None:
        assert verdict_of([Status.UNPROVEN, Status.NOT_MET, Status.MET]) is Status.NOT_MET

    @staticmethod
    @given(STATUSES)
    def test_is_met_only_when_all_that_was_selected_is_met(statuses: list[Status]) -> None:
        selected = [status for status in statuses if status is not Status.NOT_SELECTED]
        proven = bool(selected) and all(status is Status.MET for status in selected)
        assert (verdict_of(statuses) is Status.MET) == proven

    @staticmethod
    @given(STATUSES)
    def test_is_one_of_three_and_does_not_depend_on_the_order(statuses: list[Status]) -> None:
        assert verdict_of(statuses) is verdict_of(reversed(statuses))
        assert verdict_of(statuses) is not Status.NOT_SELECTED


class TestSectionSummary:
    @staticmethod
    @given(STATUSES)
    def test_counts_every_requirement_once(statuses: list[Status]) -> None:
        summary = SectionSummary.of("any", statuses)
        assert summary.selected + summary.not_selected == len(statuses)

    @staticmethod
    @given(STATUSES)
    def test_compliance_is_one_only_when_the_verdict_is_met(statuses: list[Status]) -> None:
        summary = SectionSummary.of("any", statuses)
        assert (summary.compliance == 1) == (verdict_of(statuses) is Status.MET)

    @staticmethod
    @given(STATUSES)
    def test_an_unproven_requirement_lowers_the_compliance_as_much_as_one_that_is_not_met(
        statuses: list[Status],
    ) -> None:
        as_not_met = [Status.NOT_MET if status is Status.UNPROVEN else status for status in statuses]
        assert SectionSummary.of("any", statuses).compliance == SectionSummary.of("any", as_not_met).compliance

    def test_has_no_compliance_when_nothing_of_it_was_selected(self) -> None:
        summary = SectionSummary.of("any", [Status.NOT_SELECTED])
        assert summary.compliance is None
        assert summary.status is Status.NOT_SELECTED

    @staticmethod
    @given(STATUSES)
    def test_has_the_verdict_of_its_requirements_as_its_status(statuses: list[Status]) -> None:
        summary = SectionSummary.of("any", statuses)
        assert summary.status is (verdict_of(statuses) if summary.selected else Status.NOT_SELECTED)

    def test_not_selected_requirements_do_not_change_the_compliance(self) -> None:
        assert SectionSummary.of("any", [Status.MET, Status.NOT_MET, Status.NOT_SELECTED]).compliance == 0.5


class TestRequirementResult:
    def test_cannot_have_results_when_it_was_not_selected(self) -> None:
        with pytest.raises(ValueError, match=r"made\.up"):
            requirement("made.up", check("a"), selected=False)

    def test_counts_the_retries_of_all_its_checks(self) -> None:
        assert requirement("made.up", check("a", retries=1), check("b", retries=2)).retries == 3


class TestRunReport:
    def test_keeps_sections_and_requirements_in_the_order_of_the_design(self) -> None:
        made = report(
            requirement("z", check("z"), section="Second"),
            requirement("a", check("a"), section="First"),
            requirement("y", check("y"), section="Second"),
        )
        assert [section.name for section in made.sections] == ["Second", "First"]
        assert [result.facts.id for result in made.by_section["Second"]] == ["z", "y"]

    def test_refuses_two_requirements_of_the_same_id(self) -> None:
        with pytest.raises(ValueError, match="same id"):
            report(requirement("twice", check("a")), requirement("twice", check("b")))

    def test_sections_and_kinds_of_evidence_add_up_to_the_whole(self) -> None:
        made = whole_report()
        for parts in (made.sections, made.by_evidence):
            assert sum(part.met for part in parts) == made.overall.met
            assert sum(part.not_met for part in parts) == made.overall.not_met
            assert sum(part.unproven for part in parts) == made.overall.unproven
            assert sum(part.not_selected for part in parts) == made.overall.not_selected

    def test_verdict_is_that_of_its_requirements(self) -> None:
        assert whole_report().verdict is Status.NOT_MET
        assert good_report().verdict is Status.MET

    def test_a_retried_check_of_several_requirements_counts_once(self) -> None:
        shared = check("shared", retries=1)
        assert report(requirement("a", shared), requirement("b", shared)).retries == 1

    def test_a_run_needs_a_start_with_a_time_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            RunFacts(datetime(2026, 1, 1), timedelta(), "0.1.0")  # noqa: DTZ001 - that is the fault

    def test_the_status_of_a_result_is_worked_out_from_its_checks(self) -> None:
        facts = requirement("made.up").facts
        assert RequirementResult(facts, (check("a", CheckOutcome.FAILED),)).status is Status.NOT_MET


def test_a_line_of_a_document_has_the_worst_status_of_what_decides_it() -> None:
    results = [
        requirement("a", check("a")),
        requirement("b", check("b", CheckOutcome.FAILED)),
        requirement("c", selected=False),
    ]
    facts = LineFacts("report 1", "a line", ("a", "b", "c"))

    assert LineResult(facts, tuple(results)).status is Status.NOT_MET
    assert LineResult(facts, (results[0],)).status is Status.MET
    assert LineResult(facts, (results[0], results[2])).status is Status.NOT_SELECTED
    assert LineResult(facts, (results[2],)).status is Status.NOT_SELECTED
    assert LineResult(facts, tuple(results)).met == 1


def test_a_line_that_names_no_requirement_of_the_report_is_refused() -> None:
    made = report(requirement("a", check("a")))
    design = replace(made.design, lines=(LineFacts("report 1", "a line", ("gone",)),))

    with pytest.raises(ValueError, match="'gone', which is no requirement"):
        replace(made, design=design)
