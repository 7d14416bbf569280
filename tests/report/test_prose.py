from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from image_harness.report.model import BaseImage, BasesFacts, BaseUse, CheckOutcome, ImageFacts, RunReport
from image_harness.report.prose import EVIDENCE_SHOWN, conclusion, facts, shown_evidence, status_words, summary
from image_harness.types import Platform

from .generate import check, digest, good_report, report, requirement

UPSTREAM = BasesFacts(BaseUse.UPSTREAM)


def native(made: RunReport, bases: BasesFacts = UPSTREAM) -> RunReport:
    """The same run on the image's own architecture, of an image built on the upstream bases."""
    return replace(made, run=replace(made.run, emulated=False, bases=bases))


def fact(made: RunReport, label: str) -> str:
    return next(found.value for found in facts(made) if found.label == label)


class TestConclusion:
    def test_of_a_good_native_run_is_one_sentence(self) -> None:
        assert conclusion(native(good_report())) == (
            "The image meets every requirement that this run was to decide (221).",
        )

    def test_says_what_is_not_met_and_unproven(self) -> None:
        made = native(report(requirement("a", check("a", CheckOutcome.FAILED)), requirement("b")))
        assert conclusion(made) == (
            "The image does not meet its design: 0 of 2 selected requirements met, 1 not met, 1 unproven (0 %).",
        )

    def test_says_that_what_is_unproven_does_not_count(self) -> None:
        (only,) = conclusion(native(report(requirement("a", check("a")), requirement("b"))))
        assert only.startswith("It is not proven that the image meets its design: 1 of 2")
        assert only.endswith("What is unproven does not count as met.")

    def test_of_a_run_of_nothing_has_no_percentage(self) -> None:
        assert "%" not in " ".join(conclusion(native(report())))

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"emulated": True}, "under emulation"),
            ({"bases": BasesFacts(BaseUse.STAND_IN)}, "stand-ins"),
            ({"bases": BasesFacts(BaseUse.UNKNOWN)}, "built on is not known"),
        ],
    )
    def test_names_what_the_verdict_does_not_say(self, change: dict[str, object], words: str) -> None:
        made = native(good_report())
        _, caveat = conclusion(replace(made, run=replace(made.run, **change)))  # type: ignore[arg-type]
        assert words in caveat

    def test_names_what_was_not_selected(self) -> None:
        made = native(report(requirement("a", check("a")), requirement("b", selected=False)))
        assert conclusion(made)[1] == "Nothing is said of 1 requirement outside the selection."

    def test_says_nothing_of_the_bases_of_an_image_that_was_not_looked_at(self) -> None:
        made = native(good_report(), BasesFacts(BaseUse.UNKNOWN))
        assert len(conclusion(replace(made, image=ImageFacts("oci:build", Platform.LINUX_ARM64)))) == 1


class TestFacts:
    @pytest.mark.parametrize(
        ("emulated", "words"), [(True, "yes: "), (False, "no: "), (None, "nothing of the image was run")]
    )
    def test_say_whether_the_image_was_emulated(self, words: str, *, emulated: bool | None) -> None:
        made = good_report()
        assert fact(replace(made, run=replace(made.run, emulated=emulated)), "Emulated").startswith(words)

    def test_say_when_no_engine_was_used(self) -> None:
        made = good_report()
        assert fact(replace(made, run=replace(made.run, engine=None)), "Engine") == "none was used"

    def test_say_what_was_selected(self) -> None:
        made = good_report()
        assert fact(made, "Selection") == "everything but release checks"
        selective = replace(made, run=replace(made.run, selection="source or image"))
        assert fact(selective, "Selection") == "source or image"

    def test_say_that_checks_were_tried_again(self) -> None:
        assert fact(report(requirement("a", check("a", retries=2))), "Tried again") == "2 check runs"
        assert fact(good_report(), "Tried again") == "no check"

    def test_say_which_bases_were_used_and_why(self) -> None:
        made = native(good_report(), BasesFacts(BaseUse.UNKNOWN, reason="no build record"))
        assert fact(made, "Bases") == "unknown (no build record)"
        assert fact(native(good_report()), "Bases") == "the upstream images"

    def test_give_size_and_layers(self) -> None:
        assert fact(good_report(), "Size") == "99.6 MiB in 5 layers"

    def test_give_the_duration(self) -> None:
        made = good_report()
        assert fact(replace(made, run=replace(made.run, duration=timedelta(minutes=2))), "Duration") == "2 min 0 s"

    def test_of_a_run_that_looked_at_nothing_say_so(self) -> None:
        made = report()
        run = replace(made.run, bases=BasesFacts(BaseUse.UNKNOWN), engine=None, emulated=None)
        made = replace(made, image=ImageFacts("oci:a", Platform.LINUX_ARM64), run=run)
        assert [(found.label, found.value, found.code) for found in facts(made)] == [
            ("Image", "oci:a", True),
            ("Manifest digest", "not looked at in this run", False),
            ("Config digest", "not looked at in this run", False),
            ("Platform", "linux/arm64", False),
            ("Size", "not looked at in this run", False),
            ("Design", f"rdp-monitor {made.design.digest}", True),
            ("Bases", "unknown", False),
            ("Engine", "none was used", False),
            ("Emulated", "nothing of the image was run", False),
            ("Selection", "everything but release checks", False),
            ("Tried again", "no check", False),
            ("Report date", "2026-03-04 05:06:07 UTC", False),
            ("Duration", "37.25 s", False),
            ("Harness", "image-harness 0.1.0", False),
        ]

    def test_name_a_base_without_a_digest_by_its_reference(self) -> None:
        bases = BasesFacts(BaseUse.UPSTREAM, (BaseImage("a:1"), BaseImage("b:2", digest("b"))))
        made = replace(report(), run=replace(report().run, bases=bases))
        assert [(found.label, found.value, found.code) for found in facts(made) if found.label.startswith("Base")] == [
            ("Bases", "the upstream images", False),
            ("Base 1", "a:1", True),
            ("Base 2", f"b:2@{digest('b')}", True),
        ]


def test_the_summary_of_a_run_of_nothing_says_so() -> None:
    assert summary(report(requirement("a", selected=False))) == "none of 1 requirement was selected"


@pytest.mark.parametrize(
    ("outcome", "words"), [(CheckOutcome.PASSED, "unproven, retried"), (CheckOutcome.FAILED, "not met, retried")]
)
def test_what_was_retried_says_so_whatever_came_of_it(outcome: CheckOutcome, words: str) -> None:
    assert status_words(requirement("a", check("a", outcome, retries=1))) == words


def test_as_much_evidence_as_is_shown_is_shown_whole() -> None:
    evidence = tuple(map(str, range(EVIDENCE_SHOWN)))
    assert shown_evidence(evidence) == evidence
    assert shown_evidence((*evidence, "more")) == (*evidence, "... and 1 more in report.json")
