"""A container's health, as its engine tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from image_harness.engine.client import translated
from image_harness.engine.errors import EngineError, WaitExpired
from image_harness.engine.event_log import EventLog
from image_harness.engine.events import (
    HealthTimeline,
    HealthTransition,
    last_transition,
    make_timeline,
    parse_health_event,
)
from image_harness.engine.patience import Patience
from image_harness.engine.state import ContainerState, HealthStatus, never_probed
from image_harness.engine_api import last_call
from image_harness.types import HealthCheck

# Engines remember some 256 events in all, of every container: what is not fetched now and then is forgotten.
_EVENTS_EVERY = timedelta(seconds=5)
# The engines' own default.
_RETRIES = 3
# Engines tell the time in whole seconds, of the moment when they began to answer.
_CLOCK_MAY_DIFFER = timedelta(seconds=5)


# An exit code above this is a signal's, see signal(7).
_SIGNALLED = 128


class HealthView:
    """What an engine tells of a container's health, remembered longer than the engine does.

    Args:
        log: The container's events.
        name: What messages call it.
        state: Gives its state now.
        events_lag: Whether the engine's events tell of each change only with the next probe.
    """

    def __init__(
        self,
        log: EventLog,
        name: str,
        *,
        state: Callable[[], ContainerState],
        events_lag: bool = False,
    ) -> None:
        self._told = log.told_time()
        self._events_lag = events_lag
        self._log = log
        self._name = name
        self._state = state
        self._seen: set[HealthTransition] = set()

    def timeline(self) -> HealthTimeline:
        """The changes since the container was started last.

        Raises:
            EngineError: It never started.
        """
        state = self._state()
        started = state.started_at
        if started is None:
            raise EngineError("was never started and has no health", where=self._name)
        self._fetch(started)
        self._require_one_clock()
        if self._events_lag:
            last = last_transition(state.health)
            if last is not None and make_timeline(started, self._seen).statuses[-1] is not last.status:
                self._seen.add(last)
        elif not _ended_of_itself(state):  # what has is called unhealthy without an event
            self._require_told(state, started)
        return make_timeline(started, self._seen)

    def _fetch(self, started: datetime, including: datetime | None = None) -> None:
        events = self._log.read(["health_status"], started, including=including)
        with translated(self._name):
            found = [parse_health_event(event) for event in events]
        self._seen |= {transition for transition in found if transition is not None}

    def _require_told(self, state: ContainerState, started: datetime) -> None:
        """Make sure that the events lead to the state: an engine that has forgotten some may have forgotten others."""
        status, last = state.health.status, last_transition(state.health)
        if status not in (HealthStatus.HEALTHY, HealthStatus.UNHEALTHY):
            return
        if not self._is_told(status, last, started) and last is not None:
            self._fetch(started, including=last.at)
        if not self._is_told(status, last, started):
            what = f"the engine calls it {status} and has no event of that ({last_call()})"
            raise EngineError(what, where=self._name)

    def _is_told(self, status: HealthStatus, last: HealthTransition | None, started: datetime) -> bool:
        """Whether the events lead to a state, or on from it to one that came after its last probe."""
        *before, newest = make_timeline(started, self._seen).transitions
        came_since = last is not None and newest.at > last.at
        told = before[-1:] if came_since and newest.status is not status else [newest]
        return any(transition.status is status for transition in told)

    def _require_one_clock(self) -> None:
        """Make sure that all times of the container are those of one clock, which nobody has set meanwhile."""
        before, now = self._told, self._log.told_time()
        if before is not None and now is not None and abs(before.set_by(now)) > _CLOCK_MAY_DIFFER.total_seconds():
            raise EngineError(
                f"the engine's clock was set by {before.set_by(now):+.0f} s since: its times cannot be compared",
                where=self._name,
            )

    def watch(
        self,
        statuses: Sequence[HealthStatus],
        check: HealthCheck | None,
        answers: Callable[[], bool] | None = None,
        forgiving: int = 1,
    ) -> Callable[[], ContainerState | None]:
        """A function that gives the container's state once the engine calls it one of these, and None before.

        Args:
            statuses: What to watch for.
            check: The health check that the engine holds for the container.
            answers: Whether the service answers by now. Once it does, probes that say the opposite end the watch.
            forgiving: How many times as many of them are put up with as the health check lets fail.
        """
        patience = None
        if check is not None and answers is not None:
            patience = Patience((check.retries or _RETRIES) * forgiving, answers, awaited=statuses[0])
        start = fetched = time.monotonic()

        def look() -> ContainerState | None:
            nonlocal fetched
            state = self._state()
            if state.health.status is HealthStatus.NONE and state.running:
                raise EngineError("the engine holds no health check for the container", where=self._name)
            if never_probed(state, check, timedelta(seconds=time.monotonic() - start)):
                raise EngineError("the engine runs no health checks (Podman needs systemd for them)", where=self._name)
            if time.monotonic() - fetched > _EVENTS_EVERY.total_seconds():
                fetched = time.monotonic()
                if state.started_at is not None:
                    self._fetch(state.started_at)
            if state.health.status in statuses:
                return state
            if patience is not None and patience.is_over(state.health):
                raise WaitExpired(f"answers, and its probes say the opposite: {state.health.status}", where=self._name)
            return None

        return look


def _ended_of_itself(state: ContainerState) -> bool:
    """Whether a container has ended, and not by a signal or for want of memory."""
    return state.ended and not state.oom_killed and (state.exit_code or 0) <= _SIGNALLED
