from __future__ import annotations

from dataclasses import replace

import pytest

from image_harness.report.advice import Urgency, finding, issues, recommendations
from image_harness.report.model import BasesFacts, BaseUse, CheckOutcome, ImageFacts, RunReport
from image_harness.types import Evidence, Origin, Platform

from .generate import check, good_report, report, requirement

FAILED, ERROR, SKIPPED = CheckOutcome.FAILED, CheckOutcome.ERROR, CheckOutcome.SKIPPED


def with_bases(use: BaseUse, made: RunReport) -> RunReport:
    return replace(made, run=replace(made.run, bases=BasesFacts(use)))


def test_issues_come_worst_first() -> None:
    made = report(
        requirement("met", check("a")),
        requirement("unproven", check("b", ERROR)),
        requirement("beyond", check("c", FAILED), origin=Origin.BEYOND),
        requirement("left-out", selected=False),
        requirement("family", check("d", FAILED), origin=Origin.FAMILY),
        requirement("report", check("e", FAILED)),
        requirement("report-too", check("f", FAILED)),
    )
    assert [result.facts.id for result in issues(made)] == ["report", "report-too", "family", "beyond", "unproven"]


def test_there_are_no_issues_when_all_is_met() -> None:
    assert issues(good_report()) == ()


class TestFinding:
    def test_is_what_the_failed_check_found_and_not_what_another_could_not_see(self) -> None:
        result = requirement("made.up", check("a", ERROR, message="gone"), check("b", FAILED, message="0 == 1"))
        assert finding(result) == "0 == 1"

    @pytest.mark.parametrize("outcome", [ERROR, SKIPPED])
    def test_is_why_the_check_could_not_look(self, outcome: CheckOutcome) -> None:
        assert finding(requirement("made.up", check("a"), check("b", outcome, message="gone"))) == "gone"

    def test_names_the_check_when_that_gave_no_message(self) -> None:
        assert "::a ended as skipped" in finding(requirement("made.up", check("a", SKIPPED)))

    def test_says_that_a_check_was_tried_again(self) -> None:
        assert "::a passed only on try 3" in finding(requirement("made.up", check("a", retries=2)))

    def test_says_how_many_checks_were_left_out(self) -> None:
        assert "2 of its 3 checks" in finding(requirement("made.up", check("a"), deselected=2))

    def test_says_when_no_check_ran(self) -> None:
        assert "none of its checks" in finding(requirement("made.up"))

    def test_is_empty_for_what_is_met_or_not_selected(self) -> None:
        assert finding(requirement("made.up", check("a"))) == ""
        assert finding(requirement("made.up", selected=False)) == ""


class TestRecommendations:
    @pytest.mark.parametrize(
        ("evidence", "words"),
        [(Evidence.SOURCE, "Dockerfile"), (Evidence.IMAGE, "into the image"), (Evidence.RUNTIME, "when it runs")],
    )
    def test_what_is_not_met_is_to_be_corrected_where_it_was_seen(self, evidence: Evidence, words: str) -> None:
        (first, *_) = recommendations(report(requirement("made.up", check("a", FAILED), evidence=evidence)))
        assert first.urgency is Urgency.IMMEDIATE
        assert words in first.text
        assert first.requirements == ("made.up",)

    def test_one_cause_that_kept_many_checks_from_looking_is_told_once(self) -> None:
        made = report(
            requirement("a", check("a", ERROR, message="the engine is gone")),
            requirement("b", check("b", ERROR, message="the engine is gone")),
            requirement("c", check("c", SKIPPED, message="no curl")),
        )
        found = [item for item in recommendations(made) if item.urgency is Urgency.SHORT_TERM]
        assert [item.requirements for item in found] == [("a", "b"), ("c",)]
        assert "the engine is gone" in found[0].text

    def test_every_reason_to_be_unproven_has_a_remedy_of_its_own(self) -> None:
        made = report(
            requirement("tried-again", check("a", retries=1)),
            requirement("left-out", check("b"), deselected=1),
            requirement("never-ran"),
            requirement("could-not-look", check("c", ERROR, message="gone")),
        )
        found = [item for item in recommendations(made) if item.urgency is Urgency.SHORT_TERM]
        assert [item.requirements for item in found] == [
            ("tried-again",),
            ("left-out",),
            ("never-ran",),
            ("could-not-look",),
        ]

    def test_stand_ins_are_to_be_replaced_before_a_release(self) -> None:
        texts = [item.text for item in recommendations(with_bases(BaseUse.STAND_IN, good_report()))]
        assert any("upstream base images" in text for text in texts)

    def test_what_was_not_selected_is_to_be_run(self) -> None:
        made = with_bases(BaseUse.UPSTREAM, report(requirement("made.up", selected=False)))
        assert [item.text for item in recommendations(made)] == [
            "Run the rest, release checks included: 1 requirement not selected in this run"
        ]

    def test_there_is_nothing_to_do_when_all_is_met_on_the_upstream_bases(self) -> None:
        assert recommendations(with_bases(BaseUse.UPSTREAM, good_report())) == ()

    def test_unknown_bases_matter_only_when_the_image_was_looked_at(self) -> None:
        made = with_bases(BaseUse.UNKNOWN, good_report())
        source_only = replace(made, image=ImageFacts("oci:build", Platform.LINUX_ARM64))
        assert ["record of the base images" in item.text for item in recommendations(made)] == [True]
        assert recommendations(source_only) == ()
