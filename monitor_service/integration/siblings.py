"""Asks a sibling service how it is."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from http import HTTPStatus
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING

from common.addresses import ServiceAddress
from common.backoff import Backoff, with_retries

if TYPE_CHECKING:
    from httpx import AsyncClient

_ATTEMPTS = 3
_BACKOFF = Backoff(first=timedelta(seconds=0.2), longest=timedelta(seconds=2))
_REQUEST_LIMIT = timedelta(seconds=2)


class SiblingError(Exception):
    """A sibling answered, but not that it is well.

    Attributes:
        status: Its status code.
    """

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"answered {status}")


class Sibling:
    """A sibling service.

    Args:
        name: What it is called.
        address: Its base URL.
        backoff: How long to wait before asking again after a failure that may pass.
    """

    def __init__(self, name: str, address: ServiceAddress, *, backoff: Backoff = _BACKOFF) -> None:
        self.name = name
        self._address = address
        self._backoff = backoff
        self._client: AsyncClient | None = None

    async def check(self) -> None:
        """Return when the sibling is well.

        Server errors, time-outs and lost connections are tried again with growing waits; other errors are the
        caller's and are not.

        Raises:
            SiblingError: It answered with an error.
            Exception: It did not answer; whatever the HTTP client says of that.
        """
        await with_retries(self._ask, attempts=_ATTEMPTS, backoff=self._backoff, retriable=_may_pass)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self) -> None:
        if self._client is None:
            self._client = _make_client(self._address)
        response = await self._client.get("health")
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise SiblingError(response.status_code)


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, SiblingError) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _make_client(address: ServiceAddress) -> AsyncClient:
    # Costs start-up time and memory, which a deployment without siblings does not pay.
    import httpx  # noqa: PLC0415

    return httpx.AsyncClient(
        base_url=address.url,
        timeout=_REQUEST_LIMIT.total_seconds(),
        verify=_certificates() if address.secure else False,
        limits=httpx.Limits(max_connections=1),
        # Siblings are in the same network: no proxy stands between.
        trust_env=False,
    )


@cache
def _certificates() -> SSLContext:
    """Load the CA certificates, which take megabytes, once for all siblings and only when one needs them."""
    return create_default_context()
