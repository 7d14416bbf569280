"""The pictures of the trend page, as the numbers that SVG draws them from.

Night number is the x axis of all of them, so that one range of nights can be shown of all at once by changing what the
pictures look at.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from image_harness.history.model import Run
from image_harness.history.trend import CellNight, Trend
from image_harness.types import Status

HEIGHT: Final = 300
"""The height of a plot in its own units; y grows downwards."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that every run has, or may have.

    Attributes:
        key: Its name in the page.
        title: Its name for people.
        unit: What it is counted in; empty for plain numbers.
        digits: Decimals that are worth showing.
        value: Takes it from a run.
    """

    key: str
    title: str
    unit: str
    digits: int
    value: Callable[[Run], float | None]

    def of(self, night: CellNight | None) -> float | None:
        """The number of a cell's night, rounded, or None."""
        value = None if night is None else self.value(night.last)
        return None if value is None else round(value, self.digits) if self.digits else round(value)

    def words(self, value: float | None) -> str:
        """The number for people."""
        return "\N{EN DASH}" if value is None else f"{value:.{self.digits}f} {self.unit}".rstrip()


METRICS: Final = (
    Metric("size", "Size", "MiB", 1, lambda run: None if run.size is None else run.size / (1 << 20)),
    Metric("packages", "Packages", "", 0, lambda run: run.packages),
    Metric("boot", "Boot", "s", 1, lambda run: None if run.boot is None else run.boot.total_seconds()),
    Metric("suite", "Suite", "s", 1, lambda run: None if run.suite is None else run.suite.total_seconds()),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One cell's line in a plot."""

    cell: int
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A metric of all cells over all nights.

    Attributes:
        metric: What is shown.
        top: The value at the upper edge.
        bottom: The value at the lower edge.
        lines: One for each cell that has numbers.
    """

    metric: Metric
    top: float
    bottom: float
    lines: tuple[Line, ...]


def plots(trend: Trend) -> list[Plot]:
    """Return a plot of each metric that any run has."""
    drawn = []
    for metric in METRICS:
        series = {
            cell: [metric.of(nights.get(night)) for night in trend.nights] for cell, nights in trend.cells.items()
        }
        values = [value for numbers in series.values() for value in numbers if value is not None]
        if values:
            drawn.append(_plot(metric, series, min(values), max(values)))
    return drawn


def _plot(metric: Metric, series: dict[str, list[float | None]], least: float, most: float) -> Plot:
    bottom, top = _scale(least, most)
    lines = [
        Line(number, name, _path([None if value is None else (top - value) / (top - bottom) for value in values]))
        for number, (name, values) in enumerate(series.items())
    ]
    return Plot(metric, top, bottom, tuple(line for line in lines if line.path))


def _scale(least: float, most: float) -> tuple[float, float]:
    """Round the edges outwards to steps that people count in, and never draw a hair's breadth as a mountain."""
    spread = max(most - least, most / 10, 1)
    middle = (least + most) / 2
    step = 10 ** math.floor(math.log10(spread))
    bottom, top = (math.floor((middle - spread / 2) / step) * step, math.ceil((middle + spread / 2) / step) * step)
    return max(bottom, 0), top


def _path(shares: Sequence[float | None]) -> str:
    """Return an SVG path through the points that there are; nights without a number leave a gap.

    Points between two of the same height are left out, so that what seldom changes takes little room.
    """
    parts: list[str] = []
    for known, group in itertools.groupby(enumerate(shares), key=lambda item: item[1] is not None):
        if known:
            points = [(x, round((share or 0) * HEIGHT)) for x, share in group]
            parts.append(_piece(points))
    return "".join(parts)


def _piece(points: Sequence[tuple[int, int]]) -> str:
    kept = [
        point
        for place, point in enumerate(points)
        if place in (0, len(points) - 1) or not points[place - 1][1] == point[1] == points[place + 1][1]
    ]
    # A night is as wide as one unit, and its point stands in the middle. A piece of one point is a dot.
    start = f"M{kept[0][0]}.5 {kept[0][1]}"
    steps = [f"{x - before_x} {y - before_y}" for (before_x, before_y), (x, y) in itertools.pairwise(kept)]
    return f"{start}l{' '.join(steps)}" if steps else f"{start}h0"


# How high a verdict stands in a strip, so that nothing is told by colour alone.
_RAISED: Final = {Status.MET: 0.5, Status.UNPROVEN: 0.75, Status.NOT_MET: 1.0}


def strips(nights: Sequence[CellNight | None]) -> list[tuple[Status, str]]:
    """Return, for each verdict that a cell had, the path of the nights that had it: one rectangle a stretch."""
    found: dict[Status, list[str]] = {}
    start = 0
    for verdict, group in itertools.groupby(nights, key=lambda night: night.verdict if night else None):
        length = len(list(group))
        if verdict is not None:
            up = _RAISED[verdict]
            found.setdefault(verdict, []).append(f"M{start} 1h{length}v-{up:g}h-{length}z")
        start += length
    return [(status, "".join(paths)) for status, paths in found.items()]
