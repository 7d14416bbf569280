"""A store may fail in any way: its keeper goes on, tells it, and notices when it is back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from common.backoff import Backoff
from resource_monitor.models import Sample
from resource_monitor.stores import base
from resource_monitor.stores.base import Keeper
from resource_monitor.stores.pending import Backlog

_SAMPLE = Sample(None, datetime.now(UTC), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Scripted:
    """A store that is broken, or hangs, while it is told to."""

    name = "scripted"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = False
        self.opened = 0
        self.closed = 0
        self.attempts = 0
        self.written: list[Sample] = []

    async def open(self) -> None:
        self.opened += 1
        await self.ping()

    async def ping(self) -> None:
        self.attempts += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.error is not None:
            raise self.error

    async def write(self, samples: Sequence[Sample]) -> None:
        await self.ping()
        self.written.extend(samples)

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_RETRY", Backoff(first=timedelta(milliseconds=2), longest=timedelta(milliseconds=4)))
    monkeypatch.setattr(base, "_PING_INTERVAL", timedelta(milliseconds=5))
    monkeypatch.setattr(base, "OPERATION_LIMIT", timedelta(milliseconds=50))


@asynccontextmanager
async def _running(store: Scripted, limit: int = 3) -> AsyncIterator[Keeper]:
    keeper = Keeper(store, Backlog(limit))
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the keeper has nothing to wait on for tests
            await asyncio.sleep(0.001)


def test_a_store_is_missing_until_it_was_reached() -> None:
    keeper = Keeper(Scripted(), Backlog(1))
    assert not keeper.reachable
    assert keeper.dependency.problem == "not connected yet"


def test_what_is_offered_is_written_at_once() -> None:
    async def scenario() -> None:
        store = Scripted()
        async with _running(store) as keeper:
            keeper.offer(_SAMPLE)
            await _until(lambda: store.written)
            await _until(lambda: keeper.reachable)
        assert store.written == [_SAMPLE]
        assert store.opened == 1

    asyncio.run(scenario())


def test_a_store_that_is_lost_and_comes_back_gets_what_waited() -> None:
    async def scenario() -> None:
        store = Scripted()
        async with _running(store) as keeper:
            await _until(lambda: keeper.reachable)
            store.error = ConnectionRefusedError()
            await _until(lambda: not keeper.reachable)
            assert keeper.dependency.problem == "connection refused"
            for _ in range(10):
                keeper.offer(_SAMPLE)
            attempts = store.attempts
            await _until(lambda: store.attempts > attempts + 3)
            assert store.written == []
            store.error = None
            await _until(lambda: keeper.reachable)
        # As many as may wait, not as many as were offered.
        assert len(store.written) == 3
        assert keeper.dependency.problem is None

    asyncio.run(scenario())


def test_loss_is_noticed_when_nothing_is_written() -> None:
    async def scenario() -> None:
        store = Scripted()
        async with _running(store) as keeper:
            await _until(lambda: keeper.reachable)
            store.error = ConnectionResetError()
            await _until(lambda: not keeper.reachable)

    asyncio.run(scenario())


def test_a_store_that_hangs_is_given_up_in_time() -> None:
    async def scenario() -> None:
        store = Scripted()
        store.hangs = True
        async with _running(store) as keeper:
            await _until(lambda: keeper.dependency.problem == "timed out")
            store.hangs = False
            await _until(lambda: keeper.reachable)

    asyncio.run(scenario())


def test_a_stream_of_samples_does_not_hurry_a_lost_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_RETRY", Backoff(first=timedelta(seconds=60), longest=timedelta(seconds=60)))

    async def scenario() -> None:
        store = Scripted()
        store.error = ConnectionRefusedError()
        async with _running(store) as keeper:
            await _until(lambda: store.attempts)
            for _ in range(20):
                keeper.offer(_SAMPLE)
                await asyncio.sleep(0)
            assert store.attempts == 1

    asyncio.run(scenario())


def test_closing_writes_what_waits() -> None:
    async def scenario() -> None:
        store = Scripted()
        async with _running(store) as keeper:
            await _until(lambda: keeper.reachable)
        keeper.offer(_SAMPLE)
        await keeper.close()
        assert store.written == [_SAMPLE]
        assert store.closed == 1

    asyncio.run(scenario())


def test_closing_does_not_wait_for_a_store_that_hangs() -> None:
    async def scenario() -> None:
        store = Scripted()
        async with _running(store) as keeper:
            await _until(lambda: keeper.reachable)
        store.hangs = True
        keeper.offer(_SAMPLE)
        async with asyncio.timeout(2):
            await keeper.close()

    asyncio.run(scenario())


def test_what_was_never_opened_is_not_closed() -> None:
    store = Scripted()
    asyncio.run(Keeper(store, Backlog(1)).close())
    assert store.closed == 0
