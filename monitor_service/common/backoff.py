"""Waiting longer each time before trying again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before each further attempt.

    Attributes:
        first: The wait after the first failure.
        longest: No wait is longer than this.
        factor: Each wait is this many times the one before.
    """

    first: timedelta
    longest: timedelta
    factor: float = 2.0

    def waits(self) -> Iterator[timedelta]:
        """Give the waits one after the other, without end."""
        wait = min(self.first, self.longest)
        while True:
            yield wait
            wait = min(wait * self.factor, self.longest)


async def with_retries(
    call: Callable[[], Awaitable[T]],
    *,
    attempts: int,
    backoff: Backoff,
    retriable: Callable[[Exception], bool],
) -> T:
    """Call until it works, at most ``attempts`` times.

    Raises:
        Exception: What the last attempt raised, or the first error that ``retriable`` does not accept.
    """
    waits = backoff.waits()
    for _ in range(attempts - 1):
        try:
            return await call()
        except Exception as error:
            if not retriable(error):
                raise
        await asyncio.sleep(next(waits).total_seconds())
    return await call()
