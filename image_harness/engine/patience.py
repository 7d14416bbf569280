"""When to give up waiting for a service to be called healthy that answers, and whose probes fail nevertheless."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from image_harness.engine.state import Health


class Patience:
    """Waits for probes instead of seconds: once a service answers, they tell all that a longer wait could.

    Args:
        probes: How many of them may fail one after the other.
        answers: Whether the service answers by now.
    """

    def __init__(self, probes: int, answers: Callable[[], bool]) -> None:
        self._probes = probes
        self._answers = answers
        self._before: frozenset[datetime | None] | None = None
        self._failed: set[datetime | None] = set()

    def is_over(self, health: Health) -> bool:
        """Whether more probes than that have failed since the service answers.

        One more, since the first may have begun before.

        Args:
            health: The engine's record, seen again and again: engines keep the last few probes only.
        """
        if self._before is None:
            if self._answers():
                self._before = frozenset(probe.start for probe in health.probes)
            return False
        for probe in health.probes:
            if probe.start in self._before:
                continue
            if probe.exit_code == 0:
                self._failed.clear()
            else:
                self._failed.add(probe.start)
        return len(self._failed) > self._probes
