from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

from image_harness.history.model import Run
from image_harness.history.page import failures, render_page
from image_harness.history.trend import trend_of
from tests.report.generate import HOSTILE

from .generate import digest, night, run

THREE_NIGHTS = [run(0, image="a"), run(1, "mnmm", image="b"), run(2, image="c")]


def page(*runs: Run) -> str:
    reasons = {(one.report, one.cell): one.findings for one in runs}
    return render_page(trend_of(runs), lambda one: reasons[one.report, one.cell])


def words(html: str) -> str:
    """The text that a reader sees, roughly."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def data(html: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    document: dict[str, object] = json.loads(found[1])
    return document


def test_three_nights_with_a_defect_in_the_second_tell_which_requirement_broke_on_which_night() -> None:
    told = words(page(*THREE_NIGHTS))

    assert (
        "labels.title Bad from 2026-03-02 to 2026-03-02 , 1 run; last good 2026-03-01 ; since then the image changed"
        in told
    )
    assert "labels.title is wrong" in told
    assert "Failing now Nothing: every requirement was met" in told


def test_what_fails_still_says_since_when() -> None:
    told = words(page(*THREE_NIGHTS[:2]))

    assert "labels.title Bad since 2026-03-02 , 1 run" in told
    assert "not met in the last night, 2026-03-02" in told


def test_cells_that_broke_together_are_told_together() -> None:
    runs = [run(number, statuses, cell=cell) for number, statuses in enumerate(("mmmm", "nmmm")) for cell in ("a", "b")]
    (failure,), former = failures(trend_of(runs), lambda _: {})

    assert [episode.cells for episode in failure.episodes] == [["a", "b"]]
    assert former == []


def test_a_cell_without_a_run_in_the_last_night_is_named() -> None:
    told = words(page(run(0), run(0, cell="podman"), run(1)))

    assert "Not run in the last night: podman (last 2026-03-01 )" in told
    assert "1 without a run" in told


def test_a_run_that_left_no_report_is_unproven_and_says_why() -> None:
    absent = Run.absent("docker", night(1), reason="the build failed", now=datetime(2026, 3, 2, tzinfo=UTC))
    told = words(page(run(0), absent))

    assert "unproven in the last night" in told
    assert "the build failed" in told


def test_a_retried_night_says_so() -> None:
    html = page(run(0), run(1, "Ummm"))

    assert "unproven retried" in words(html)
    assert data(html)["cells"][0]["retried"] == [1]  # type: ignore[index]


def test_an_empty_history_makes_a_page() -> None:
    assert "There is no run in this history." in words(page())


def test_hostile_text_is_escaped_everywhere() -> None:
    runs = [
        replace(run(number, "nmmm", cell=text, ids=(text, "b", "c", "d")), findings={text: text}, absence="")
        for number, text in enumerate(HOSTILE)
    ]
    html = page(*runs)

    assert html.count("<script") == 2
    assert html.count("</script") == 2
    assert "<img" not in html
    assert not re.search(r"[\x00-\x08\x1b\u202e]", html)


def test_the_same_set_of_failures_is_written_once() -> None:
    document = data(page(*(run(number, "nnmm") for number in range(50))))

    assert document["sets"] == [[], [2, 0, 1]]


def test_no_night_lists_more_than_a_reader_can_take_in() -> None:
    ids = tuple(f"requirement.{number}" for number in range(100))
    runs = [run(number, "n" * 100, ids=ids, image=digest(number)) for number in range(3)]
    document = data(page(*runs))

    assert document["sets"] == [[], [100, 0, 1, 2, 3, 4]]
