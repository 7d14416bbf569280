from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from image_harness.history.plots import METRICS, plots, strips
from image_harness.history.trend import CellNight, trend_of
from image_harness.types import Status

from .generate import run

SIZE, PACKAGES, BOOT, SUITE = METRICS


def test_a_strip_is_a_rectangle_for_each_stretch_of_nights() -> None:
    good, bad = CellNight((run(0),)), CellNight((run(0, "nmmm"),))

    paths = dict(strips([good, good, None, bad, good]))

    assert paths[Status.MET] == "M0 1h2v-0.5h-2zM4 1h1v-0.5h-1z"
    assert paths[Status.NOT_MET] == "M3 1h1v-1h-1z"


def test_numbers_are_shown_with_their_units() -> None:
    night = CellNight((run(0),))

    assert [metric.words(metric.of(night)) for metric in METRICS] == ["120.0 MiB", "75", "4.2 s", "61.5 s"]
    assert SIZE.words(SIZE.of(None)) == "\N{EN DASH}"


def test_a_line_leaves_out_points_between_equal_ones() -> None:
    (line,) = plots(trend_of([run(number) for number in range(9)]))[0].lines

    assert re.fullmatch(r"M0\.5 \d+l8 0", line.path)


def test_a_night_without_a_number_leaves_a_gap_and_a_lone_one_is_a_dot() -> None:
    runs = [run(0), replace(run(1), boot=None), run(2)]
    plot = next(plot for plot in plots(trend_of(runs)) if plot.metric is BOOT)

    assert plot.lines[0].path.count("M") == 2
    assert plot.lines[0].path.count("h0") == 2


def test_all_values_lie_between_the_edges() -> None:
    runs = [replace(run(number), suite=timedelta(seconds=value)) for number, value in enumerate((3.5, 99.9, 100.0))]
    plot = next(plot for plot in plots(trend_of(runs)) if plot.metric is SUITE)

    assert (plot.bottom, plot.top) == (0, 100)


def test_a_hair_does_not_look_like_a_mountain() -> None:
    runs = [replace(run(number), suite=timedelta(seconds=60 + number / 1000)) for number in range(2)]
    plot = next(plot for plot in plots(trend_of(runs)) if plot.metric is SUITE)

    assert plot.top - plot.bottom >= 5


def test_what_no_run_has_is_not_plotted() -> None:
    runs = [replace(run(0), boot=None)]

    assert BOOT not in [plot.metric for plot in plots(trend_of(runs))]
