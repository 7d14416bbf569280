"""When a wait for a container is one in vain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from image_harness.engine import Health, HealthProbe, HealthStatus
from image_harness.engine.patience import Belated, Patience
from tests.engine.states import running


def record(*codes: int, first: int = 0) -> Health:
    """The record of probes with these exit codes, one a minute, the first at a given minute."""
    probes = tuple(
        HealthProbe(datetime(2026, 1, 1, 0, first + at, tzinfo=UTC), None, code, "") for at, code in enumerate(codes)
    )
    return Health(HealthStatus.STARTING, 0, probes)


def over(patience: Patience, records: Sequence[Health]) -> list[bool]:
    return [patience.is_over(record) for record in records]


def test_probes_before_the_service_answered_count_for_nothing() -> None:
    patience = Patience(1, lambda: True)
    assert over(patience, [record(1, 1, 1), record(1, 1, 1, 1)]) == [False, False]


def test_one_more_than_the_health_check_allows_must_fail_as_the_first_may_have_begun_before() -> None:
    patience = Patience(2, lambda: True)
    assert over(patience, [record(), record(1), record(1, 1), record(1, 1, 1)]) == [False, False, False, True]


def test_probes_that_the_engine_has_forgotten_still_count() -> None:
    patience = Patience(2, lambda: True)
    assert over(patience, [record(1), record(1, first=1), record(1, first=2), record(1, first=3)])[-1]


def test_a_probe_that_succeeds_begins_the_count_anew() -> None:
    patience = Patience(1, lambda: True)
    assert not any(over(patience, [record(), record(1, 0, 1)]))
    assert patience.is_over(record(1, 0, 1, 1))


def test_nothing_counts_while_the_service_does_not_answer() -> None:
    answers = iter([False, False, True])
    patience = Patience(1, lambda: next(answers))
    assert over(patience, [record(1), record(1, 1, 1), record(1, 1, 1), record(1, 1, 1, 1)]) == [False] * 4
    assert patience.is_over(record(1, 1, 1, 1, 1))


def test_probes_that_succeed_speak_against_what_is_to_be_called_unhealthy() -> None:
    patience = Patience(1, lambda: True, awaited=HealthStatus.UNHEALTHY)
    assert over(patience, [record(), record(0), record(0, 1), record(0, 1, 0), record(0, 1, 0, 0)]) == [
        False,
        False,
        False,
        False,
        True,
    ]


def test_what_is_healthy_and_silent_is_waited_for_as_long_again() -> None:
    ages = iter([5.0, 10.0, 12.0, 20.0, 20.5])
    belated = Belated(lambda: timedelta(seconds=next(ages)))
    assert not belated.is_over(running(Health(HealthStatus.STARTING)))
    seen = [belated.is_over(running(Health(HealthStatus.HEALTHY))) for _ in range(4)]
    assert seen == [False, False, False, True]


def test_what_was_healthy_before_anybody_waited_is_waited_for_as_long_again_as_it_is_old() -> None:
    ages = iter([30.0, 31.0, 60.0, 61.0])
    belated = Belated(lambda: timedelta(seconds=next(ages)))
    assert [belated.is_over(running(Health(HealthStatus.HEALTHY))) for _ in range(4)] == [False, False, False, True]


def test_what_is_not_healthy_is_waited_for() -> None:
    ages = iter([1.0, 1000.0])
    belated = Belated(lambda: timedelta(seconds=next(ages)))
    assert not belated.is_over(running(Health(HealthStatus.STARTING)))
    assert not belated.is_over(running(Health(HealthStatus.UNHEALTHY)))
