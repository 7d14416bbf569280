"""Against a real Redis server."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import redis

from common.addresses import ServiceAddress
from common.problems import describe
from resource_monitor.models import Sample
from resource_monitor.stores.documents import SAMPLE
from resource_monitor.stores.redis_store import RedisStore
from tests.monitor_service.support import RedisServer, black_hole, free_port

_SESSION = UUID(int=7)
_NOW = datetime.now(UTC)


def _sample(session_id: UUID | None, value: float = 0) -> Sample:
    return Sample(session_id, _NOW, value, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def _use(url: str, use: Callable[[RedisStore], Awaitable[None]]) -> None:
    async def scenario() -> None:
        store = RedisStore(ServiceAddress.parse(url, schemes=["redis"]), timedelta(seconds=60))
        try:
            await store.open()
            await use(store)
        finally:
            await store.close()

    asyncio.run(scenario())


def _problem(url: str) -> str:
    with pytest.raises(Exception, match=r".") as caught:
        _use(url, RedisStore.ping)
    return describe(caught.value)


def test_samples_are_kept_under_their_session_and_expire(redis_server: RedisServer) -> None:
    async def use(store: RedisStore) -> None:
        await store.write([_sample(None, 1), _sample(_SESSION, 2)])
        await store.write([_sample(_SESSION, 3)])

    _use(redis_server.url, use)
    with redis.Redis.from_url(redis_server.url) as client:
        assert SAMPLE.validate_json(client.get("lucid:rdp-monitor:sample:host")) == _sample(None, 1)
        assert SAMPLE.validate_json(client.get(f"lucid:rdp-monitor:sample:{_SESSION}")) == _sample(_SESSION, 3)
        assert client.dbsize() == 2
        assert 50_000 < client.pttl("lucid:rdp-monitor:sample:host") <= 60_000


def test_one_client_lives_through_a_restart_of_the_server(redis_server: RedisServer) -> None:
    async def use(store: RedisStore) -> None:
        await store.ping()
        redis_server.kill()
        with pytest.raises(redis.RedisError):
            await store.ping()
        redis_server.start()
        await store.ping()

    _use(redis_server.url, use)


def test_a_server_that_hangs_is_given_up(redis_server: RedisServer) -> None:
    async def use(store: RedisStore) -> None:
        await store.ping()
        redis_server.send_signal(signal.SIGSTOP)
        with pytest.raises(redis.TimeoutError):
            await store.ping()
        redis_server.send_signal(signal.SIGCONT)
        await store.ping()

    _use(redis_server.url, use)


def test_a_wrong_password_is_told_as_such(redis_server: RedisServer) -> None:
    assert _problem(redis_server.url.replace(RedisServer.PASSWORD, "wrong")) == "credentials refused"


def test_nobody_there_is_told_as_such() -> None:
    assert _problem(f"redis://127.0.0.1:{free_port()}") == "connection refused"


def test_silence_is_told_as_such() -> None:
    with black_hole() as port:
        assert _problem(f"redis://127.0.0.1:{port}") == "timed out"


def test_the_client_library_is_not_loaded_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    RedisStore(ServiceAddress.parse("redis://cache", schemes=["redis"]), timedelta(seconds=1))
