"""What every store can do, and how it is kept going while it comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from common.backoff import Backoff
from common.problems import describe
from resource_monitor.models import Dependency, Sample

_log = logging.getLogger(__name__)

OPERATION_LIMIT = timedelta(seconds=2)
"""No operation on a store is waited for any longer."""

_RETRY = Backoff(first=timedelta(seconds=0.25), longest=timedelta(seconds=5))
_PING_INTERVAL = timedelta(seconds=2)


class Store(Protocol):
    """A place for samples. Every method may raise whatever its client library raises."""

    @property
    def name(self) -> str:
        """What the store is called in the service's answers."""

    async def open(self) -> None:
        """Make the client, once; called before anything else."""

    async def ping(self) -> None:
        """Return when the store is there."""

    async def write(self, samples: Sequence[Sample]) -> None:
        """Keep samples, oldest first."""

    async def close(self) -> None:
        """Let go of all connections."""


class Pending(Protocol):
    """Samples that wait to be written; bounded, so that a lost store costs no memory."""

    def put(self, sample: Sample) -> None:
        """Add a sample."""

    def take(self) -> list[Sample]:
        """Give all that wait, and forget them."""

    def put_back(self, samples: Sequence[Sample]) -> None:
        """Take back what could not be written; what came meanwhile is newer."""


class Keeper:
    """Keeps one store going in the background: connects, writes what waits, notices loss and return.

    Attributes:
        store: The store.
        reachable: Whether the last operation on it went well.
    """

    def __init__(self, store: Store, pending: Pending) -> None:
        self.store = store
        self.reachable = False
        self._problem: str | None = "not connected yet"
        self._pending = pending
        self._wake = asyncio.Event()
        self._opened = False

    @property
    def dependency(self) -> Dependency:
        """How the store is."""
        return Dependency(name=self.store.name, reachable=self.reachable, problem=self._problem)

    def offer(self, sample: Sample) -> None:
        """Hand over a sample; never waits."""
        self._pending.put(sample)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        waits = _RETRY.waits()
        while True:
            if await self._attempt():
                waits = _RETRY.waits()
                await self._wait_for_work()
            else:
                # Not woken by new samples: a store that is gone is tried at its own pace.
                await asyncio.sleep(next(waits).total_seconds())

    async def close(self) -> None:
        """Write what still waits, if that can be done at once, and let go of the store."""
        if not self._opened:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(0.5):
                if self.reachable:
                    await self._flush()
                await self.store.close()

    async def _attempt(self) -> bool:
        try:
            async with asyncio.timeout(OPERATION_LIMIT.total_seconds()):
                if not self._opened:
                    await self.store.open()
                    self._opened = True
                if not await self._flush():
                    await self.store.ping()
        except Exception as error:  # noqa: BLE001 - whatever a client library raises, the store is not reachable
            self._lost(describe(error))
            return False
        self._found()
        return True

    async def _flush(self) -> bool:
        """Write what waits; whether there was anything."""
        self._wake.clear()
        samples = self._pending.take()
        if not samples:
            return False
        try:
            await self.store.write(samples)
        except BaseException:
            self._pending.put_back(samples)
            raise
        return True

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PING_INTERVAL.total_seconds()):
                await self._wake.wait()

    def _lost(self, problem: str) -> None:
        if self.reachable or self._problem != problem:
            _log.warning("%s is not reachable: %s; going on without it", self.store.name, problem)
        self.reachable, self._problem = False, problem

    def _found(self) -> None:
        if not self.reachable:
            _log.info("%s is reachable", self.store.name)
        self.reachable, self._problem = True, None
