"""Samples that wait for a store."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from uuid import UUID

from resource_monitor.models import Sample


class Latest:
    """Only the newest sample of each session waits, of a bounded number of sessions."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._samples: dict[UUID | None, Sample] = {}

    def put(self, sample: Sample) -> None:
        """Add a sample in place of an older one."""
        self._samples.pop(sample.session_id, None)
        self._samples[sample.session_id] = sample
        if len(self._samples) > self._limit:
            # Insertion order: the session that was not measured for longest has ended meanwhile.
            del self._samples[next(iter(self._samples))]

    def take(self) -> list[Sample]:
        """Give all that wait."""
        samples, self._samples = self._samples, {}
        return list(samples.values())

    def put_back(self, samples: Sequence[Sample]) -> None:
        """Take back the samples that nothing newer has come for."""
        newer, self._samples = self._samples, {}
        for sample in (*samples, *newer.values()):
            self.put(sample)


class Backlog:
    """A bounded number of samples waits; the oldest are dropped when more come."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._samples: deque[Sample] = deque(maxlen=limit)

    def put(self, sample: Sample) -> None:
        """Add a sample."""
        self._samples.append(sample)

    def take(self) -> list[Sample]:
        """Give all that wait."""
        samples = list(self._samples)
        self._samples.clear()
        return samples

    def put_back(self, samples: Sequence[Sample]) -> None:
        """Take back samples, as far as there is room before the newer ones."""
        room = self._limit - len(self._samples)
        self._samples.extendleft(reversed(samples[len(samples) - room :] if room < len(samples) else samples))
