"""Asking a service that may not be there yet."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import httpx

_HTTP_TIMEOUT = timedelta(seconds=5)


def http_client(limit: timedelta) -> httpx.Client:
    """A client for plain HTTP to a container's published port, each request on a connection of its own.

    A server may begin to close a connection that nobody uses just when the next request is sent on it, which it then
    does not answer (RFC 9112, section 9.5).

    Args:
        limit: How long to wait for a connection, for the head of an answer, and for the rest of it.
    """
    import httpx  # noqa: PLC0415 - only runs that use HTTP pay for it

    from image_harness.engine.bounded_http import BoundedTransport  # noqa: PLC0415 - it imports httpx

    # A proxy of the environment has no business between us and a container. The context trusts nobody: to read this
    # machine's authorities takes longer than a request, and nothing is encrypted here.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone = httpx.Limits(max_keepalive_connections=0)
    transport = BoundedTransport(httpx.HTTPTransport(trust_env=False, verify=context, limits=alone), limit)
    return httpx.Client(trust_env=False, transport=transport, timeout=limit.total_seconds())


def json_object(content: bytes) -> Mapping[str, Any] | None:
    """The JSON object that an answer consists of; None when it is something else."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


class Asking:
    """Asks for a URL until the answer has a status.

    Attributes:
        last: What came of it last, for messages.
        connected: Whether anything has ever taken a connection.
        turned_away: Whether the last connection was refused, or closed without an answer: nobody listens there, or only
            somebody between us and the container does.
    """

    def __init__(self, client: httpx.Client, url: str, status: int) -> None:
        self._client = client
        self._url = url
        self._status = status
        self.last = "nothing"
        self.connected = False
        self.turned_away = False

    @classmethod
    @contextlib.contextmanager
    def at(cls, url: str, status: int, limit: timedelta) -> Iterator[Self]:
        """Get ready to ask."""
        with http_client(min(_HTTP_TIMEOUT, limit)) as client:
            yield cls(client, url, status)

    def ask(self) -> httpx.Response | None:
        """The answer, or None when there is none or another one."""
        import httpx  # noqa: PLC0415

        try:
            response = self._client.get(self._url)
        except httpx.RequestError as error:
            self.connected = self.connected or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            self.turned_away = not isinstance(error, httpx.TimeoutException | httpx.DecodingError)
            self.last = f"{type(error).__name__}: {error}"
            return None
        self.connected, self.turned_away = True, False
        self.last = f"status {response.status_code}"
        return response if response.status_code == self._status else None
