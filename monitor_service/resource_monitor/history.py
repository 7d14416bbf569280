"""The newest samples of a session, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from resource_monitor.models import Sample


class SampleHistory:
    """Keeps a bounded number of samples; the oldest goes first."""

    def __init__(self, limit: int) -> None:
        self._samples: deque[Sample] = deque(maxlen=limit)

    def add(self, sample: Sample) -> None:
        """Add the newest sample."""
        self._samples.append(sample)

    def since(self, start: datetime) -> list[Sample]:
        """Give the samples from ``start`` on, oldest first."""
        return [sample for sample in self._samples if sample.timestamp >= start]

    def __len__(self) -> int:
        return len(self._samples)


def merge(*histories: Iterable[Sample]) -> list[Sample]:
    """Put samples of one session from several places together: oldest first, each moment once."""
    by_moment = {sample.timestamp: sample for samples in histories for sample in samples}
    return [by_moment[moment] for moment in sorted(by_moment)]
