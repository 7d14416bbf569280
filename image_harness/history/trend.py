"""What a history says: which night what broke, what says both yes and no of the same image, how numbers moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from image_harness.history import codes
from image_harness.history.model import Run
from image_harness.report.model import verdict_of
from image_harness.types import Digest, Status

Subject = tuple[Digest, Digest]


@dataclass(frozen=True, slots=True)
class Streak:
    """The runs of one cell, one after the other, in which a requirement was not met or unproven.

    Attributes:
        requirement: Its id.
        cell: Where.
        first: The first bad run.
        before: The last run before that which decided it, if there was one; there it was met.
        last: The last bad night.
        runs: How many runs were bad.
        status: As it was first found.
        current: Whether it is still bad as of the cell's last run.
        given_up: Whether it ended because the design does not have it any more.
    """

    requirement: str
    cell: str
    first: Run
    before: Run | None
    last: date
    runs: int
    status: Status
    current: bool
    given_up: bool

    @property
    def same_subject(self) -> bool | None:
        """Whether image and design were those of the last run that decided it; None where that is not known."""
        if self.before is None:
            return None
        subjects = subject_of(self.before), subject_of(self.first)
        return None if None in subjects else subjects[0] == subjects[1]


@dataclass(slots=True)
class Flaky:
    """A requirement of which the same image, held against the same design, was told different things.

    Attributes:
        requirement: Its id.
        changes: How often its status changed although neither image nor design had.
        retried: In how many runs a check of it was tried again.
        cells: Where.
        nights: The first and the last night that showed it.
    """

    requirement: str
    changes: int = 0
    retried: int = 0
    cells: set[str] = field(default_factory=set)
    nights: tuple[date, date] | None = None

    def see(self, run: Run) -> None:
        """Note where and when."""
        self.cells.add(run.cell)
        first, last = self.nights or (run.night, run.night)
        self.nights = (min(first, run.night), max(last, run.night))


@dataclass(frozen=True, slots=True)
class CellNight:
    """What happened in a cell in one night.

    Attributes:
        runs: Every run, oldest first. A second run does not undo the first: a night is as good as its worst.
    """

    runs: tuple[Run, ...]

    @property
    def verdict(self) -> Status:
        """The verdict of all its runs together."""
        return verdict_of(run.verdict for run in self.runs)

    @property
    def last(self) -> Run:
        """The run whose numbers count."""
        return self.runs[-1]

    @property
    def retried(self) -> bool:
        """Whether anything was tried again: a check, or the run as a whole."""
        return len(self.runs) > 1 or any(run.retries for run in self.runs)

    @property
    def bad(self) -> tuple[str, ...]:
        """The ids of what was not met or unproven."""
        found: dict[str, None] = {}
        for run in self.runs:
            if run.verdict is not Status.MET:
                found.update((id_, None) for id_, code in _verdicts(run) if codes.is_bad(code))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Trend:
    """What a history says.

    Attributes:
        nights: Every night of which there is a run, oldest first.
        cells: What happened, by cell and night.
        streaks: Every time that a requirement was bad, in the order of their beginning.
        flaky: What cannot be trusted, worst first.
    """

    nights: tuple[date, ...]
    cells: dict[str, dict[date, CellNight]]
    streaks: tuple[Streak, ...]
    flaky: tuple[Flaky, ...]


_UNDECIDED = (None, codes.NOT_SELECTED)


def subject_of(run: Run) -> Subject | None:
    """Return what a run's verdict belongs to: the image and the design. None when it looked at no image."""
    image = run.manifest or run.config
    return (image, run.design_digest) if image and run.design_digest else None


def trend_of(runs: Sequence[Run]) -> Trend:
    """Work out what runs say; they are ordered by night and start."""
    by_cell: dict[str, list[Run]] = {}
    for run in runs:
        by_cell.setdefault(run.cell, []).append(run)
    cells = {name: _nights(series) for name, series in sorted(by_cell.items())}
    streaks = [streak for series in by_cell.values() for streak in _streaks(series)]
    streaks.sort(key=lambda streak: (streak.first.started, streak.cell, streak.requirement))
    return Trend(
        nights=tuple(sorted({run.night for run in runs})),
        cells=cells,
        streaks=tuple(streaks),
        flaky=_flaky(by_cell.values()),
    )


def _nights(series: Sequence[Run]) -> dict[date, CellNight]:
    grouped: dict[date, list[Run]] = {}
    for run in series:
        grouped.setdefault(run.night, []).append(run)
    return {night: CellNight(tuple(runs)) for night, runs in grouped.items()}


def _verdicts(run: Run) -> Iterator[tuple[str, str]]:
    return zip(run.catalogue.ids, run.statuses, strict=True)


def _differences(old: Run | None, new: Run) -> Iterator[tuple[str, str, str]]:
    """Yield requirement, old and new character of what differs; what a design does not have was not selected."""
    if old is not None and old.catalogue == new.catalogue:
        if old.statuses != new.statuses:
            for id_, before, after in zip(new.catalogue.ids, old.statuses, new.statuses, strict=True):
                if before != after:
                    yield id_, before, after
        return
    earlier = dict(_verdicts(old)) if old else {}
    later = dict(_verdicts(new))
    for id_ in earlier | later:
        before, after = earlier.get(id_, codes.NOT_SELECTED), later.get(id_, codes.NOT_SELECTED)
        if before != after:
            yield id_, before, after


@dataclass(slots=True)
class _Open:
    """A streak that has not ended; positions count the cell's runs."""

    first: int
    code: str
    since: int | None
    runs: int = 0
    last: int = 0

    def pause(self, position: int) -> None:
        """The run at the position was not bad."""
        if self.since is not None:
            self.runs += position - self.since
            self.last = position - 1
            self.since = None


def _streaks(series: Sequence[Run]) -> Iterator[Streak]:
    # Runs without a report prove nothing, but neither do they end a streak or begin one of any requirement.
    series = [run for run in series if not run.absence]
    open_: dict[str, _Open] = {}
    previous: Run | None = None
    for position, run in enumerate(series):
        for id_, _, code in _differences(previous, run):
            if codes.is_bad(code):
                streak = open_.setdefault(id_, _Open(position, code, position))
                streak.since = position if streak.since is None else streak.since
            elif id_ in open_:
                open_[id_].pause(position)
                if code == codes.MET:
                    yield _closed(series, id_, open_.pop(id_))
        previous = run
    if previous is not None:
        known = set(previous.catalogue.ids)
        for id_, streak in open_.items():
            streak.pause(len(series))
            yield _closed(series, id_, streak, current=id_ in known, given_up=id_ not in known)


def _closed(series: Sequence[Run], id_: str, streak: _Open, *, current: bool = False, given_up: bool = False) -> Streak:
    first = series[streak.first]
    decided = (run for run in reversed(series[: streak.first]) if dict(_verdicts(run)).get(id_) not in _UNDECIDED)
    return Streak(
        requirement=id_,
        cell=first.cell,
        first=first,
        before=next(decided, None),
        last=series[streak.last].night,
        runs=streak.runs,
        status=codes.status_of(streak.code),
        current=current,
        given_up=given_up,
    )


def _flaky(cells: Iterable[Sequence[Run]]) -> tuple[Flaky, ...]:
    found: dict[str, Flaky] = {}
    for series in cells:
        told: dict[Subject, Run] = {}
        # What the last run of a subject did not decide, and one before it did.
        carried: dict[tuple[Subject, str], str] = {}
        for run in series:
            if not run.statuses.islower():
                for id_, code in _verdicts(run):
                    if codes.retried(code):
                        one = found.setdefault(id_, Flaky(id_))
                        one.retried += 1
                        one.see(run)
            subject = subject_of(run)
            if subject is None:
                continue
            for id_, last, after in _differences(told.get(subject, run), run):
                if after == codes.NOT_SELECTED:
                    carried[subject, id_] = last
                    continue
                before = carried.pop((subject, id_), last)
                if before != codes.NOT_SELECTED and codes.status_of(before) != codes.status_of(after):
                    one = found.setdefault(id_, Flaky(id_))
                    one.changes += 1
                    one.see(run)
            told[subject] = run
    return tuple(sorted(found.values(), key=lambda one: (-one.changes - one.retried, one.requirement)))
