"""Histories are bounded windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from resource_monitor.history import SampleHistory, merge
from resource_monitor.models import Sample

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _sample(minute: int) -> Sample:
    return Sample(None, _NOON + timedelta(minutes=minute), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_the_oldest_goes_first() -> None:
    history = SampleHistory(3)
    for minute in range(5):
        history.add(_sample(minute))
    assert history.since(_NOON) == [_sample(2), _sample(3), _sample(4)]
    assert len(history) == 3


def test_the_start_of_a_window_belongs_to_it() -> None:
    history = SampleHistory(9)
    for minute in range(3):
        history.add(_sample(minute))
    assert history.since(_NOON + timedelta(minutes=1)) == [_sample(1), _sample(2)]


def test_each_moment_is_there_once_oldest_first() -> None:
    assert merge([_sample(2), _sample(3)], [_sample(2), _sample(1)]) == [_sample(1), _sample(2), _sample(3)]
