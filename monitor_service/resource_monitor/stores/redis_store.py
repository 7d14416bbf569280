"""The latest sample of each session, and of the host, in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from common.addresses import ServiceAddress
from resource_monitor.models import Sample
from resource_monitor.stores.documents import SAMPLE

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PREFIX = "lucid:rdp-monitor:sample"
_SOCKET_LIMIT = timedelta(seconds=1)


class RedisStore:
    """Writes each session's newest sample as JSON under ``lucid:rdp-monitor:sample:<session id or host>``.

    Args:
        address: Where Redis is.
        lifetime: How long a sample is kept, so that those of a session that ended go by themselves.
    """

    name = "redis"

    def __init__(self, address: ServiceAddress, lifetime: timedelta) -> None:
        self._address = address
        self._lifetime = lifetime
        self._client: Redis | None = None

    async def open(self) -> None:
        """Make the client."""
        # Costs start-up time and memory, which a deployment without Redis does not pay.
        from redis.asyncio import Redis  # noqa: PLC0415
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        self._client = Redis.from_url(
            self._address.url,
            socket_connect_timeout=_SOCKET_LIMIT.total_seconds(),
            socket_timeout=_SOCKET_LIMIT.total_seconds(),
            # One connection at a time, and the keeper does the trying again.
            retry=Retry(NoBackoff(), 0),
            max_connections=2,
        )

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        await self._connected().ping()

    async def write(self, samples: Sequence[Sample]) -> None:
        """Put the samples in place of older ones, in one round trip."""
        pipeline = self._connected().pipeline(transaction=False)
        for sample in samples:
            key = f"{_PREFIX}:{sample.session_id or 'host'}"
            pipeline.set(key, SAMPLE.dump_json(sample), px=self._lifetime)
        await pipeline.execute()

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _connected(self) -> Redis:
        assert self._client is not None, "open() comes first"
        return self._client
