"""When to give up waiting, because an engine's probes and a service's answers contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from image_harness.engine.state import ContainerState, Health, HealthStatus


class Patience:
    """For a service that answers, and whose probes say the opposite: they tell all that a longer wait could.

    Args:
        probes: How many of them may say so one after the other.
        answers: Whether the service answers by now.
        awaited: What the container is to be called: healthy, against which probes speak that fail, or unhealthy.
    """

    def __init__(
        self, probes: int, answers: Callable[[], bool], *, awaited: HealthStatus = HealthStatus.HEALTHY
    ) -> None:
        self._probes = probes
        self._answers = answers
        self._passing = awaited is HealthStatus.UNHEALTHY
        self._before: frozenset[datetime | None] | None = None
        self._against: set[datetime | None] = set()

    def is_over(self, health: Health) -> bool:
        """Whether more probes than that have spoken against it since the service answers.

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
            if (probe.exit_code == 0) is self._passing:
                self._against.add(probe.start)
            else:
                self._against.clear()
        return len(self._against) > self._probes


class Belated:
    """For a container that is called healthy, and takes no request: waits as long again as it took to become healthy.

    Args:
        age: Gives how long ago the container was started.
    """

    def __init__(self, age: Callable[[], timedelta]) -> None:
        self._age = age
        self._took: timedelta | None = None

    def is_over(self, state: ContainerState) -> bool:
        """Whether that time is over.

        Args:
            state: The container's, seen again and again since it was started.
        """
        age = self._age()
        if self._took is None and state.health.status is HealthStatus.HEALTHY:
            self._took = age
        return self._took is not None and age > 2 * self._took
