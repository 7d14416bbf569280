"""Against MongoDB's wire protocol, and against nobody."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from common.addresses import ServiceAddress
from common.problems import describe
from resource_monitor.models import Sample
from resource_monitor.stores.mongo_store import MongoStore
from tests.monitor_service.fake_mongo import FakeMongo
from tests.monitor_service.support import black_hole, free_port

_A, _B = UUID(int=1), UUID(int=2)
_NOON = datetime(2026, 1, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def _sample(session_id: UUID | None, minute: int) -> Sample:
    return Sample(session_id, _NOON + timedelta(minutes=minute), 1.5, 2**40, 3.5, 4, 5, 6, 7, 8, 9, 10, 11)


def _use(url: str, use: Callable[[MongoStore], Awaitable[None]]) -> None:
    async def scenario() -> None:
        store = MongoStore(ServiceAddress.parse(url, schemes=["mongodb"]), "lucid")
        try:
            await store.open()
            await use(store)
        finally:
            await store.close()

    asyncio.run(scenario())


def _problem(url: str) -> str:
    with pytest.raises(Exception, match=r".") as caught:
        _use(url, MongoStore.ping)
    return describe(caught.value)


def test_samples_come_back_as_they_were_written() -> None:
    written = [_sample(_A, 0), _sample(_B, 1), _sample(None, 2), _sample(_A, 3)]

    async def use(store: MongoStore) -> None:
        await store.write(written[:2])
        await store.write(written[2:])
        assert await store.history(_A, _NOON, 10) == [written[3], written[0]]
        assert await store.history(_A, _NOON + timedelta(minutes=1), 10) == [written[3]]
        assert await store.history(_A, _NOON, 1) == [written[3]]

    with FakeMongo() as mongo:
        _use(f"mongodb://127.0.0.1:{mongo.port}", use)
    assert list(mongo.documents) == ["lucid.samples"]


def test_samples_expire_a_while_after_the_longest_window() -> None:
    async def use(store: MongoStore) -> None:
        await store.write([_sample(_A, 0)])
        await store.write([_sample(_A, 1)])

    with FakeMongo() as mongo:
        _use(f"mongodb://127.0.0.1:{mongo.port}", use)
    assert [index.get("expireAfterSeconds") for index in mongo.indexes] == [None, 25 * 3600]


def test_the_url_s_own_database_comes_first() -> None:
    with FakeMongo() as mongo:
        _use(f"mongodb://127.0.0.1:{mongo.port}/other", lambda store: store.write([_sample(_A, 0)]))
    assert list(mongo.documents) == ["other.samples"]


def test_an_answer_that_says_no_is_an_error() -> None:
    with FakeMongo() as mongo:
        mongo.failure = {"ok": 0.0, "errmsg": "not for you", "code": 13, "codeName": "Unauthorized"}
        assert _problem(f"mongodb://127.0.0.1:{mongo.port}").startswith("failed (")


def test_nobody_there_is_an_error_within_the_limit() -> None:
    begin = time.monotonic()
    assert _problem(f"mongodb://127.0.0.1:{free_port()}") in {"connection refused", "timed out"}
    assert time.monotonic() - begin < 3


def test_silence_is_told_as_such_within_the_limit() -> None:
    begin = time.monotonic()
    with black_hole() as port:
        assert _problem(f"mongodb://127.0.0.1:{port}") == "timed out"
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("url", ["mongodb://me:hunt:er2@db", "mongodb://a,b/?directConnection=true"])
def test_a_url_that_the_library_refuses_is_told_without_repeating_it(url: str) -> None:
    assert _problem(url) == "unusable address"


def test_the_client_library_is_not_loaded_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "motor", None)
    MongoStore(ServiceAddress.parse("mongodb://db", schemes=["mongodb"]), "lucid")
