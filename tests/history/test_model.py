from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from image_harness.errors import HarnessError
from image_harness.history.model import Catalogue, Run
from image_harness.report.json import render_json
from image_harness.types import Status
from tests.report.generate import good_report, hostile_report, whole_report


def test_a_run_is_what_its_report_says() -> None:
    report = whole_report()
    run = Run.of(report, render_json(report).encode(), cell="docker")

    assert (run.night, run.verdict, run.suite) == (date(2026, 3, 4), Status.NOT_MET, report.run.duration)
    assert (run.manifest, run.size) == (report.image.manifest_digest, report.image.size)
    assert len(run.statuses) == len(run.catalogue.ids) == 221
    assert run.retries == report.retries > 0
    assert all(run.findings.values())


def test_the_night_is_the_day_in_utc_on_which_the_run_began() -> None:
    report = good_report()
    late = datetime(2026, 3, 5, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    report = replace(report, run=replace(report.run, started=late))

    assert Run.of(report, b"", cell="docker").night == date(2026, 3, 4)
    assert Run.of(report, b"", cell="docker", night=date(2026, 3, 3)).night == date(2026, 3, 3)


def test_a_report_whose_ids_have_several_lines_has_no_place_in_a_history() -> None:
    with pytest.raises(
        HarnessError, match=r"^'6 \\n\\n# A heading.*': a requirement's id has several lines; rename it$"
    ):
        Run.of(hostile_report(), b"", cell="docker")


def test_a_run_without_a_report_is_unproven() -> None:
    run = Run.absent("docker", date(2026, 3, 4), reason="the build\nfailed", now=datetime.now(UTC))

    assert (run.verdict, run.absence, run.statuses) == (Status.UNPROVEN, "the build failed", "")


def test_catalogues_are_told_apart_by_ids_and_their_order() -> None:
    assert Catalogue(("a", "b")).digest == Catalogue(("a", "b")).digest
    assert Catalogue(("a", "b")).digest != Catalogue(("b", "a")).digest
