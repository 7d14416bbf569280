"""What waits for a store is bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from resource_monitor.models import Sample
from resource_monitor.stores.pending import Backlog, Latest

_NOW = datetime.now(UTC)
_A, _B, _C = (UUID(int=number) for number in range(3))


def _sample(session_id: UUID | None, value: float = 0) -> Sample:
    return Sample(session_id, _NOW, value, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_only_the_newest_of_each_session_waits() -> None:
    latest = Latest(3)
    for sample in (_sample(_A, 1), _sample(None, 2), _sample(_A, 3)):
        latest.put(sample)
    assert latest.take() == [_sample(None, 2), _sample(_A, 3)]
    assert latest.take() == []


def test_the_session_not_measured_for_longest_gives_way() -> None:
    latest = Latest(2)
    for sample in (_sample(_A), _sample(_B), _sample(_A, 1), _sample(_C)):
        latest.put(sample)
    assert latest.take() == [_sample(_A, 1), _sample(_C)]


def test_what_comes_back_does_not_replace_what_is_newer() -> None:
    latest = Latest(3)
    latest.put(_sample(_A, 9))
    latest.put_back([_sample(_A, 1), _sample(_B, 1)])
    assert sorted(latest.take(), key=str) == sorted([_sample(_A, 9), _sample(_B, 1)], key=str)


def test_a_backlog_keeps_the_newest_in_order() -> None:
    backlog = Backlog(3)
    for value in range(5):
        backlog.put(_sample(_A, value))
    assert [sample.cpu_percent for sample in backlog.take()] == [2, 3, 4]
    assert backlog.take() == []


@pytest.mark.parametrize(("waiting", "kept"), [(0, [1, 2, 3]), (1, [2, 3, 10]), (2, [3, 10, 11]), (3, [10, 11, 12])])
def test_what_comes_back_goes_before_what_is_newer_as_far_as_there_is_room(waiting: int, kept: list[int]) -> None:
    backlog = Backlog(3)
    for value in range(waiting):
        backlog.put(_sample(_A, 10 + value))
    backlog.put_back([_sample(_A, value) for value in (1, 2, 3)])
    assert [sample.cpu_percent for sample in backlog.take()] == kept
