"""trend.html: one file that needs nothing else, neither network nor script, to be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from markupsafe import Markup

import image_harness
from image_harness.history.model import Run
from image_harness.history.plots import HEIGHT, METRICS, plots, strips
from image_harness.history.trend import CellNight, Streak, Trend
from image_harness.report.html import STYLE_FILE, content_policy, template_environment
from image_harness.report.model import SectionSummary, verdict_of
from image_harness.report.text import STATUS_WORDS, cut, printable
from image_harness.types import Status

_TEMPLATES: Final = Path(__file__).with_name("templates")
_LETTERS: Final = {Status.MET: "m", Status.NOT_MET: "n", Status.UNPROVEN: "u"}
# What a reader can take in, and what keeps the page small however bad the nights were.
_FAILURES_SHOWN: Final = 200
_STREAKS_SHOWN: Final = 4
_REASON_LENGTH: Final = 200
_FLAKY_SHOWN: Final = 100
_BAD_SHOWN: Final = 5

Explain = Callable[[Run], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Episode:
    """Streaks of one requirement that began and ended in the same nights.

    Attributes:
        streaks: One for each cell.
        reason: Why the requirement was bad in the first of them.
    """

    streaks: tuple[Streak, ...]
    reason: str

    @property
    def cells(self) -> list[str]:
        """Where."""
        return [streak.cell for streak in self.streaks]

    @property
    def leader(self) -> Streak:
        """The one that stands for all."""
        return self.streaks[0]


@dataclass(frozen=True, slots=True)
class Failure:
    """A requirement and the times that it was bad.

    Attributes:
        requirement: Its id.
        episodes: The latest first.
        left_out: How many older ones there are.
    """

    requirement: str
    episodes: tuple[Episode, ...]
    left_out: int


def render_page(trend: Trend, explain: Explain) -> str:
    """Return the text of trend.html.

    Args:
        trend: What to tell.
        explain: Gives the reasons why requirements were bad in a run.
    """
    style = STYLE_FILE.read_text("utf-8") + _TEMPLATES.joinpath("trend.css").read_text("utf-8")
    script = _TEMPLATES.joinpath("trend.js").read_text("utf-8")
    last = trend.nights[-1] if trend.nights else None
    now = {cell: nights[last] for cell, nights in trend.cells.items() if last in nights} if last else {}
    current, former = failures(trend, explain)
    environment = template_environment(_TEMPLATES)
    return (
        environment.get_template("trend.html.j2").render(
            trend=trend,
            last=last,
            now=now,
            missing={cell: max(nights) for cell, nights in trend.cells.items() if cell not in now},
            verdict=verdict_of(night.verdict for night in now.values()),
            overall=SectionSummary.of("Cells", (night.verdict for night in now.values())),
            current=current,
            former=former,
            failures_shown=_FAILURES_SHOWN,
            flaky_shown=_FLAKY_SHOWN,
            rows=[
                (cell, strips(list(map(nights.get, trend.nights))), _share(nights))
                for cell, nights in trend.cells.items()
            ],
            plots=plots(trend),
            metrics=METRICS,
            height=HEIGHT,
            bad_shown=_BAD_SHOWN,
            harness=image_harness.__version__,
            # All three are this package's own or escaped here; no text of a run is markup in them.
            data=Markup(_data(trend)),
            style=Markup(style),
            script=Markup(script),
            policy=content_policy(style, script),
        )
        + "\n"
    )


def failures(trend: Trend, explain: Explain) -> tuple[list[Failure], list[Failure]]:
    """Return the requirements that are bad now and those that were, each with the latest beginning first."""
    by_requirement: dict[str, dict[tuple[date, date, bool], list[Streak]]] = {}
    for streak in reversed(trend.streaks):
        key = (streak.first.night, streak.last, streak.current)
        by_requirement.setdefault(streak.requirement, {}).setdefault(key, []).append(streak)
    reasons = _Reasons(explain)
    current: list[Failure] = []
    former: list[Failure] = []
    for requirement, episodes in by_requirement.items():
        for wanted, found in ((True, current), (False, former)):
            groups = [streaks for (_, _, is_current), streaks in episodes.items() if is_current is wanted]
            if groups and len(found) < _FAILURES_SHOWN:
                shown = [Episode(tuple(reversed(group)), reasons.of(group[-1])) for group in groups[:_STREAKS_SHOWN]]
                found.append(Failure(requirement, tuple(shown), len(groups) - len(shown)))
            elif groups:
                found.append(Failure(requirement, (), len(groups)))
    return current, former


class _Reasons:
    """Asks for the reasons of a run once."""

    def __init__(self, explain: Explain) -> None:
        self._explain = explain
        self._known: dict[tuple[str, str], Mapping[str, str]] = {}

    def of(self, streak: Streak) -> str:
        key = str(streak.first.report), streak.cell
        if key not in self._known:
            self._known[key] = self._explain(streak.first)
        return cut(self._known[key].get(streak.requirement, ""), _REASON_LENGTH)


def _share(nights: Mapping[date, CellNight]) -> str:
    counts = [
        (sum(night.verdict is status for night in nights.values()), words)
        for status, words in STATUS_WORDS.items()
        if status is not Status.NOT_SELECTED
    ]
    return ", ".join(f"{number} {words}" for number, words in counts if number)


def _data(trend: Trend) -> str:
    """Return what the script reads, as JSON that cannot end its element."""
    numbers: dict[tuple[int, ...], int] = {(): 0}
    names: dict[str, int] = {}
    cells = [
        _cell_data(name, list(map(nights.get, trend.nights)), names, numbers) for name, nights in trend.cells.items()
    ]
    document = {
        "nights": [night.isoformat() for night in trend.nights],
        "metrics": [{"unit": metric.unit, "digits": metric.digits} for metric in METRICS],
        "cells": cells,
        "requirements": [printable(name) for name in names],
        "sets": list(numbers),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")


def _cell_data(
    name: str, nights: Sequence[CellNight | None], names: dict[str, int], numbers: dict[tuple[int, ...], int]
) -> dict[str, object]:
    """Return a cell's nights; what was bad is a number of a set, as the same is bad for many nights."""
    bad = []
    for night in nights:
        ids = night.bad if night else ()
        places = tuple(names.setdefault(id_, len(names)) for id_ in ids[:_BAD_SHOWN])
        key = (len(ids), *places) if ids else ()
        bad.append(numbers.setdefault(key, len(numbers)))
    return {
        "name": printable(name),
        "verdicts": "".join(_LETTERS[night.verdict] if night else " " for night in nights),
        "retried": [place for place, night in enumerate(nights) if night and night.retried],
        "absent": {
            place: printable(night.last.absence) for place, night in enumerate(nights) if night and night.last.absence
        },
        "bad": bad,
        "values": [[metric.of(night) for night in nights] for metric in METRICS],
    }
