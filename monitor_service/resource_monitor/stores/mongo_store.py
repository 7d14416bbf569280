"""The history of all sessions in MongoDB, through motor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from common.addresses import ServiceAddress
from resource_monitor.models import Sample
from resource_monitor.stores.documents import SAMPLE

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection

_COLLECTION = "samples"
_LIFETIME = timedelta(hours=25)
_LIMIT_MS = 1000
# The keeper writes one batch at a time; histories are read beside it.
_CONNECTIONS = 3


class MongoStore:
    """Writes every sample as a document, and reads a session's samples of a window of time.

    Args:
        address: Where MongoDB is.
        database: The database, where the address names none.
    """

    name = "mongodb"

    def __init__(self, address: ServiceAddress, database: str) -> None:
        self._address = address
        self._database = database
        self._client: AsyncIOMotorClient[dict[str, Any]] | None = None
        self._indexed = False

    async def open(self) -> None:
        """Make the client."""
        # In a thread: the import takes long under emulation, and an srv address is looked up by the constructor.
        self._client = await asyncio.to_thread(self._make_client, asyncio.get_running_loop())

    async def ping(self) -> None:
        """Ask MongoDB for a sign of life."""
        await self._opened().admin.command("ping")

    async def write(self, samples: Sequence[Sample]) -> None:
        """Insert the samples."""
        if not self._indexed:
            await self._collection().create_index([("session_id", 1), ("timestamp", 1)])
            await self._collection().create_index("timestamp", expireAfterSeconds=int(_LIFETIME.total_seconds()))
            self._indexed = True
        await self._collection().insert_many([_document(sample) for sample in samples], ordered=False)

    async def history(self, session_id: UUID, since: datetime, limit: int) -> list[Sample]:
        """Read a session's samples from ``since`` on, the newest ``limit`` of them, in any order."""
        query = {"session_id": str(session_id), "timestamp": {"$gte": since}}
        found = self._collection().find(query, projection={"_id": False}).sort("timestamp", -1).limit(limit)
        return [_sample(document) for document in await found.to_list(limit)]

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _make_client(self, loop: asyncio.AbstractEventLoop) -> AsyncIOMotorClient[dict[str, Any]]:
        # Read when motor is imported: its threads, five for each processor by default, are what costs memory here.
        os.environ.setdefault("MOTOR_MAX_WORKERS", str(_CONNECTIONS))
        from motor.motor_asyncio import AsyncIOMotorClient  # noqa: PLC0415

        return AsyncIOMotorClient(
            self._address.url,
            io_loop=loop,
            tz_aware=True,
            appname="rdp-monitor",
            serverSelectionTimeoutMS=_LIMIT_MS,
            connectTimeoutMS=_LIMIT_MS,
            socketTimeoutMS=_LIMIT_MS,
            maxPoolSize=_CONNECTIONS,
            # One thread watches a server, rather than two.
            serverMonitoringMode="poll",
            waitQueueTimeoutMS=_LIMIT_MS,
            retryWrites=False,
            retryReads=False,
        )

    def _collection(self) -> AsyncIOMotorCollection[dict[str, Any]]:
        return self._opened().get_default_database(self._database)[_COLLECTION]

    def _opened(self) -> AsyncIOMotorClient[dict[str, Any]]:
        if self._client is None:
            raise ConnectionError("not opened yet")
        return self._client


def _document(sample: Sample) -> dict[str, Any]:
    # The timestamp stays a date: the index that lets samples expire needs one. BSON holds milliseconds.
    return {**SAMPLE.dump_python(sample, mode="json"), "timestamp": sample.timestamp}


def _sample(document: dict[str, Any]) -> Sample:
    return SAMPLE.validate_python({**document, "timestamp": document["timestamp"].astimezone(UTC)})
