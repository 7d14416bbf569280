"""Asking a service that may not be there yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import httpx

_HTTP_TIMEOUT = timedelta(seconds=5)


class Asking:
    """Asks for a URL until the answer has a status.

    Attributes:
        last: What came of it last, for messages.
        connected: Whether anything has ever taken a connection.
    """

    def __init__(self, client: httpx.Client, url: str, status: int) -> None:
        self._client = client
        self._url = url
        self._status = status
        self.last = "nothing"
        self.connected = False

    @classmethod
    @contextlib.contextmanager
    def at(cls, url: str, status: int, limit: timedelta) -> Iterator[Self]:
        """Get ready to ask."""
        import httpx  # noqa: PLC0415 - only runs that use HTTP pay for it

        # A proxy of the environment has no business between us and a container.
        with httpx.Client(trust_env=False, timeout=min(_HTTP_TIMEOUT, limit).total_seconds()) as client:
            yield cls(client, url, status)

    def ask(self) -> httpx.Response | None:
        """The answer, or None when there is none or another one."""
        import httpx  # noqa: PLC0415

        try:
            response = self._client.get(self._url)
        except httpx.TransportError as error:
            self.connected = self.connected or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            self.last = f"{type(error).__name__}: {error}"
            return None
        self.connected = True
        self.last = f"status {response.status_code}"
        return response if response.status_code == self._status else None
