"""All places where samples go, behind one door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from resource_monitor.config import Settings
from resource_monitor.models import Dependency, Sample
from resource_monitor.stores.base import OPERATION_LIMIT, Keeper
from resource_monitor.stores.journal_store import JournalStore
from resource_monitor.stores.mongo_store import MongoStore
from resource_monitor.stores.pending import Backlog, Latest
from resource_monitor.stores.redis_store import RedisStore

_log = logging.getLogger(__name__)

_LONGEST_BACKLOG = 5000
_LONGEST_HISTORY = 5000
_SHORTEST_LIFETIME = timedelta(seconds=60)


class Archive:
    """The stores that are configured."""

    def __init__(self, settings: Settings) -> None:
        self._mongo: MongoStore | None = None
        self._mongo_keeper: Keeper | None = None
        self._keepers = list(self._make_keepers(settings))

    @property
    def dependencies(self) -> list[Dependency]:
        """How each store is."""
        return [keeper.dependency for keeper in self._keepers]

    def add(self, sample: Sample) -> None:
        """Hand a sample to every store; never waits."""
        for keeper in self._keepers:
            keeper.offer(sample)

    async def history(self, session_id: UUID, since: datetime) -> list[Sample] | None:
        """Read a session's samples from the store that holds them all; none when that store cannot tell now."""
        if self._mongo is None or self._mongo_keeper is None or not self._mongo_keeper.reachable:
            return None
        try:
            async with asyncio.timeout(OPERATION_LIMIT.total_seconds()):
                return await self._mongo.history(session_id, since, _LONGEST_HISTORY)
        except Exception as error:  # noqa: BLE001 - whatever the client library raises, memory has the newest samples
            _log.warning("history is read from memory: mongodb failed (%s)", type(error).__name__)
            return None

    async def run(self) -> None:
        """Keep all stores going until cancelled."""
        await asyncio.gather(*(keeper.run() for keeper in self._keepers))

    async def close(self) -> None:
        """Let go of all stores."""
        await asyncio.gather(*(keeper.close() for keeper in self._keepers))

    def _make_keepers(self, settings: Settings) -> Iterator[Keeper]:
        if settings.redis_url is not None:
            lifetime = max(_SHORTEST_LIFETIME, 3 * settings.monitoring_interval)
            # One place more than there are sessions, for the host.
            yield Keeper(RedisStore(settings.redis_url, lifetime), Latest(settings.max_concurrent_sessions + 1))
        if settings.mongodb_url is not None:
            self._mongo = MongoStore(settings.mongodb_url, settings.mongodb_database)
            self._mongo_keeper = Keeper(self._mongo, Backlog(_LONGEST_BACKLOG))
            yield self._mongo_keeper
        if settings.record_folder is not None:
            yield Keeper(JournalStore(settings.record_folder), Backlog(_LONGEST_BACKLOG))
