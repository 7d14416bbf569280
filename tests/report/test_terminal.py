from __future__ import annotations

import re
from dataclasses import replace

import pytest

from image_harness.report.model import CheckOutcome, ImageFacts
from image_harness.report.terminal import terminal_summary
from image_harness.types import Platform

from .generate import SECTIONS, check, good_report, hostile_report, report, requirement, whole_report

COLOUR = re.compile(r"\x1b\[[0-9]+m")


def test_has_a_line_for_each_section_then_issues_then_the_verdict() -> None:
    lines = terminal_summary(whole_report(), colour=False)
    for line, name in zip(lines, SECTIONS, strict=False):
        assert line.startswith(name)
    assert "not met: builder.item-17:" in lines[len(SECTIONS)]
    assert lines[-1].startswith("NOT MET: 200 of 212 selected requirements met, 5 not met, 7 unproven, 9 not selected")


def test_a_section_line_tells_share_and_counts_without_colour() -> None:
    line = next(
        line for line in terminal_summary(whole_report(), colour=False, width=120) if line.startswith("Builder")
    )
    assert re.search(r"\[#+!\?\.\]  93 %  30/32 met, 1 not met, 1 unproven, 2 not selected$", line)


def test_the_verdict_line_names_the_digest_and_the_retries() -> None:
    made = whole_report()
    assert terminal_summary(made, colour=False)[-1].endswith(f"retried 3 times (94 %); {made.image.manifest_digest}")


def test_the_verdict_line_names_the_reference_when_the_image_was_not_looked_at() -> None:
    made = replace(good_report(), image=ImageFacts("oci:build/image", Platform.LINUX_ARM64))
    assert terminal_summary(made, colour=False)[-1].endswith("; oci:build/image")


def test_a_good_run_ends_in_met_and_lists_no_issue() -> None:
    lines = terminal_summary(good_report(), colour=False)
    assert len(lines) == len(SECTIONS) + 1
    assert lines[-1].startswith("MET: 221 of 221 selected requirements met (100 %)")


def test_a_run_of_nothing_is_unproven() -> None:
    assert terminal_summary(report(), colour=False)[-1].startswith("UNPROVEN: none of 0 requirements was selected;")


def test_colour_adds_nothing_but_colour() -> None:
    made = whole_report()
    coloured = terminal_summary(made, colour=True)
    assert any(COLOUR.search(line) for line in coloured)
    assert [COLOUR.sub("", line) for line in coloured] == terminal_summary(made, colour=False)


def test_quiet_leaves_the_sections_out() -> None:
    lines = terminal_summary(whole_report(), colour=False, quiet=True)
    assert lines == terminal_summary(whole_report(), colour=False)[len(SECTIONS) :]


def test_the_ten_worst_are_shown_and_the_others_counted() -> None:
    made = report(*(requirement(f"r{n}", check(f"c{n}", CheckOutcome.FAILED, message="no")) for n in range(13)))
    lines = terminal_summary(made, colour=False)
    assert [line for line in lines if line.startswith("not met: ")] == [f"not met: r{n}: no" for n in range(10)]
    assert "and 3 more that are not met or unproven" in lines


def test_nothing_from_outside_steers_the_terminal() -> None:
    for line in terminal_summary(hostile_report(), colour=False):
        assert line.isprintable(), line


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_keep_to_the_width_but_for_the_verdict(width: int) -> None:
    for line in terminal_summary(whole_report(), colour=False, width=width)[:-1]:
        assert len(line) <= width
