from __future__ import annotations

from datetime import UTC, datetime

import pytest

from image_harness.history.model import Run
from image_harness.history.trend import Trend, trend_of
from image_harness.types import Status

from .generate import IDS, night, run


def told(trend: Trend) -> list[tuple[str, int, int, int, bool]]:
    """Each streak as requirement, first night, last night, runs, current; nights by number."""
    first = night(0)
    return [
        (one.requirement, (one.first.night - first).days, (one.last - first).days, one.runs, one.current)
        for one in trend.streaks
    ]


def test_the_first_bad_night_of_a_requirement_that_is_mended_is_told() -> None:
    trend = trend_of([run(0), run(1, "mnmm"), run(2, "mnmm"), run(3)])

    assert told(trend) == [("labels.title", 1, 2, 2, False)]


def test_the_first_bad_night_of_a_requirement_that_fails_still_is_told() -> None:
    trend = trend_of([run(0), run(1, "mmmn"), run(2, "mmmn")])

    assert told(trend) == [("size.image", 1, 2, 2, True)]


def test_what_is_bad_from_the_first_night_on_has_no_run_before() -> None:
    (streak,) = trend_of([run(0, "ummm"), run(1, "ummm")]).streaks

    assert (streak.before, streak.same_subject, streak.status) == (None, None, Status.UNPROVEN)


def test_a_second_streak_is_one_of_its_own() -> None:
    trend = trend_of([run(0, "nmmm"), run(1), run(2, "nmmm")])

    assert told(trend) == [("user.config", 0, 0, 1, False), ("user.config", 2, 2, 1, True)]


def test_a_streak_goes_on_when_the_kind_of_badness_changes() -> None:
    trend = trend_of([run(0), run(1, "nmmm"), run(2, "ummm"), run(3, "Ummm"), run(4)])

    assert told(trend) == [("user.config", 1, 3, 3, False)]


def test_a_run_that_did_not_look_neither_ends_a_streak_nor_counts() -> None:
    trend = trend_of([run(0), run(1, "nmmm"), run(2, "-mmm"), run(3, "nmmm"), run(4)])

    assert told(trend) == [("user.config", 1, 3, 2, False)]


def test_a_requirement_that_the_design_gave_up_is_not_failing_now() -> None:
    trend = trend_of([run(0, "nmmm"), run(1, "mmm", ids=IDS[1:])])

    assert told(trend) == [("user.config", 0, 0, 1, False)]
    assert [streak.given_up for streak in trend.streaks] == [True]
    assert [streak.given_up for streak in trend_of([run(0, "nmmm"), run(1)]).streaks] == [False]


@pytest.mark.parametrize("looked", [run(0, "-mmm"), run(0, "mmm", ids=IDS[1:])], ids=["not-selected", "not-designed"])
def test_a_run_that_did_not_look_did_not_find_it_good(looked: Run) -> None:
    (streak,) = trend_of([looked, run(1, "nmmm", image="new")]).streaks

    assert (streak.before, streak.same_subject) == (None, None)


def test_a_first_bad_night_is_compared_with_the_last_that_looked() -> None:
    good = run(0)
    (streak,) = trend_of([good, run(1, "-mmm", image="new"), run(2, "nmmm", image="new")]).streaks

    assert (streak.before, streak.same_subject) == (good, False)


def test_requirements_are_told_apart_by_id_when_the_catalogue_changes_its_order() -> None:
    trend = trend_of([run(0, "nmmm"), run(1, "mmmn", ids=IDS[::-1])])

    assert told(trend) == [("user.config", 0, 1, 2, True)]


@pytest.mark.parametrize(
    ("image", "design", "same"), [("image", "design", True), ("new", "design", False), ("image", "new", False)]
)
def test_whether_image_or_design_changed_with_the_first_bad_night_is_known(
    image: str, design: str, *, same: bool
) -> None:
    (streak,) = trend_of([run(0), run(1, "nmmm", image=image, design=design)]).streaks

    assert streak.same_subject is same


def test_a_change_without_a_changed_digest_is_flaky() -> None:
    trend = trend_of([run(0), run(1, "nmmm"), run(2)])

    assert [(one.requirement, one.changes, one.retried) for one in trend.flaky] == [("user.config", 2, 0)]


@pytest.mark.parametrize("codes", ["mn", "m-n", "n-m", "m--n", "mn-"])
def test_a_run_that_did_not_look_hides_no_change(codes: str) -> None:
    trend = trend_of([run(number, f"{code}mmm") for number, code in enumerate(codes)])

    assert [(one.requirement, one.changes) for one in trend.flaky] == [("user.config", 1)]


@pytest.mark.parametrize("codes", ["m-m", "-m", "n--n", "-n-"])
def test_a_run_that_did_not_look_is_no_change(codes: str) -> None:
    assert trend_of([run(number, f"{code}mmm") for number, code in enumerate(codes)]).flaky == ()


def test_a_change_back_to_an_older_image_is_compared_with_what_was_told_of_that() -> None:
    trend = trend_of([run(0, image="a"), run(1, image="b"), run(2, "nmmm", image="a")])

    assert [(one.requirement, one.changes) for one in trend.flaky] == [("user.config", 1)]


@pytest.mark.parametrize(
    "second",
    [run(1, "nmmm", image="new"), run(1, "nmmm", design="new"), run(1, "-mmm"), run(1, "nmmm", cell="podman")],
    ids=["image", "design", "not-selected", "another-cell"],
)
def test_a_change_with_a_cause_is_not_flaky(second: Run) -> None:
    assert trend_of([run(0), second]).flaky == ()


def test_runs_that_looked_at_no_image_cannot_be_flaky() -> None:
    assert trend_of([run(0, image=None), run(1, "nmmm", image=None)]).flaky == ()


def test_a_retried_check_is_flaky_for_ever() -> None:
    trend = trend_of([run(0), run(1, "Ummm", image="new"), run(2, image="newer"), run(3, image="newest")])

    assert [(one.requirement, one.retried, one.nights) for one in trend.flaky] == [
        ("user.config", 1, (night(1), night(1)))
    ]
    assert trend.cells["docker"][night(1)].retried


def test_what_cannot_be_trusted_is_told_worst_first_and_with_its_nights() -> None:
    trend = trend_of([run(0), run(1, "mnmm"), run(2, "Umnm"), run(3, "Ummm")])

    assert [(one.requirement, one.changes, one.retried, one.nights) for one in trend.flaky] == [
        ("user.config", 1, 2, (night(2), night(3))),
        ("health.test", 2, 0, (night(2), night(3))),
        ("labels.title", 2, 0, (night(1), night(2))),
    ]


def test_a_second_run_of_a_night_does_not_undo_the_first() -> None:
    trend = trend_of([run(0, "nmmm", hour=1), run(0, hour=2)])
    there = trend.cells["docker"][night(0)]

    assert (there.verdict, there.bad, there.retried) == (Status.NOT_MET, ("user.config",), True)
    assert [(one.requirement, one.changes) for one in trend.flaky] == [("user.config", 1)]


def test_a_night_without_a_report_is_unproven_and_no_streak() -> None:
    absent = Run.absent("docker", night(1), reason="the build failed", now=datetime(2026, 3, 2, tzinfo=UTC))
    trend = trend_of([run(0, "nmmm"), absent, run(2, "nmmm")])

    assert trend.cells["docker"][night(1)].verdict is Status.UNPROVEN
    assert told(trend) == [("user.config", 0, 2, 2, True)]


def test_cells_are_independent() -> None:
    trend = trend_of([run(0), run(0, cell="podman"), run(1), run(1, "nmmm", cell="podman")])

    assert [(one.requirement, one.cell) for one in trend.streaks] == [("user.config", "podman")]
    assert list(trend.cells) == ["docker", "podman"]


def test_an_empty_history_has_nothing_to_tell() -> None:
    assert trend_of([]) == Trend((), {}, (), ())
