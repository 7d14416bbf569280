from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from image_harness.engine import WaitExpired, dependency
from image_harness.engine.clock import WaitLimit
from image_harness.engine.dependency import DependencyObservation, observe_dependency
from image_harness.types import Port

NO_JSON = "OK"
LIMIT = WaitLimit(timedelta(seconds=40), timedelta(seconds=12))


class Box:
    """A container whose service gives these answers, and takes no request any more where there is None.

    A wait looks as often as there are answers of its own, and is over then.
    """

    def __init__(self, *answers: str | None, looks: int = 2) -> None:
        self._answers: Iterator[str | None] = iter(answers)
        self._looks = looks
        self.waits: list[tuple[timedelta, timedelta | None]] = []

    def wait_for_http(self, _path: str, _limit: timedelta, *, port: Port) -> Any:  # noqa: ANN401 - of it only this counts
        assert port == Port(8093)
        status = next(self._answers)
        if status is None:
            raise WaitExpired("no answer")
        return SimpleNamespace(
            content=status.encode() if status == NO_JSON else json.dumps({"status": status}).encode()
        )

    def wait_until(self, look: Any, limit: timedelta, _what: object, *, idle: timedelta | None) -> Any:  # noqa: ANN401 - as it is called
        self.waits.append((limit, idle))
        for _ in range(self._looks):
            if (found := look()) is not None:
                return found
        raise WaitExpired("the time is up")


@pytest.fixture(autouse=True)
def _nothing_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependency, "beside", lambda *_: contextlib.nullcontext())


def observed(box: Box) -> DependencyObservation:
    return observe_dependency(cast("Any", box), Port(8093), "/health", ("program",), LIMIT)


def test_what_the_service_says_first_that_is_new_is_what_it_says_then() -> None:
    found = observed(box := Box("degraded", "degraded", "healthy", "degraded"))
    assert [one["status"] for one in (found.absent, found.present, found.gone)] == ["degraded", "healthy", "degraded"]
    assert box.waits == [(LIMIT.total, LIMIT.idle)] * 2


def test_a_coming_that_changes_nothing_in_time_leaves_no_going_to_wait_for() -> None:
    found = observed(box := Box("healthy", "healthy", "healthy", "healthy"))
    assert found.present == {"status": "healthy"}
    assert len(box.waits) == 1


@pytest.mark.parametrize("answers", [("degraded", None), ("degraded", "healthy", None)])
def test_a_service_that_takes_no_request_then_tells_nothing(answers: tuple[str | None, ...]) -> None:
    with pytest.raises(WaitExpired, match="no answer"):
        observed(Box(*answers))


def test_an_answer_that_is_no_json_object_tells_no_status_and_loses_none_of_the_others() -> None:
    found = observed(Box(NO_JSON, NO_JSON, "healthy", NO_JSON))
    assert (found.absent, found.present, found.gone) == ({}, {"status": "healthy"}, {})
