"""The health of a container over time, from the engine's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from image_harness.engine.state import Health, HealthStatus
from image_harness.engine.timestamps import from_nanoseconds


@dataclass(frozen=True, slots=True, order=True)
class HealthTransition:
    """The moment at which the engine began to call a container this."""

    at: datetime
    status: HealthStatus


@dataclass(frozen=True, slots=True)
class HealthTimeline:
    """The changes of a container's health, oldest first; the first is ``starting``, at the container's start."""

    transitions: tuple[HealthTransition, ...]

    @property
    def statuses(self) -> tuple[HealthStatus, ...]:
        """The states alone, in order."""
        return tuple(transition.status for transition in self.transitions)

    def first(self, status: HealthStatus) -> HealthTransition | None:
        """The first time that the container was in this state, or None."""
        return next((transition for transition in self.transitions if transition.status is status), None)

    def until(self, status: HealthStatus) -> timedelta | None:
        """The time from the container's start until it first was in this state, or None."""
        reached = self.first(status)
        return reached.at - self.transitions[0].at if reached else None


def parse_health_event(event: Mapping[str, Any]) -> HealthTransition | None:
    """Read an event; None when it is not about health.

    Docker writes the state into the action (``health_status: healthy``), Podman into an attribute.
    """
    action = str(event.get("Action") or event.get("status") or "")
    name, _, status = action.partition(":")
    if name != "health_status":
        return None
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    found = status.strip() or event.get("HealthStatus") or attributes.get("health_status") or ""
    if found not in list(HealthStatus):
        return None
    nanoseconds = event.get("timeNano") or int(event.get("time") or 0) * 1_000_000_000
    return HealthTransition(from_nanoseconds(int(nanoseconds)), HealthStatus(found))


def make_timeline(started_at: datetime, transitions: Iterable[HealthTransition]) -> HealthTimeline:
    """Put transitions in order; Podman reports every probe, so repeated states are dropped."""
    kept = [HealthTransition(started_at, HealthStatus.STARTING)]
    for transition in sorted(set(transitions)):
        if transition.at >= started_at and transition.status is not kept[-1].status:
            kept.append(transition)
    return HealthTimeline(tuple(kept))


def last_transition(health: Health) -> HealthTransition | None:
    """What the newest probe made of the container; None when there is none.

    Podman announces each probe with the state from before it, so that its events lag by one.
    """
    if not health.probes or health.probes[-1].end is None:
        return None
    return HealthTransition(health.probes[-1].end, health.status)
