"""HTTP answers that come to an end: httpx limits the wait for each part of one, and not that for all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import httpx

ANSWER_BYTES = 16 * 1024 * 1024
"""The most that is read of an answer."""


class BoundedTransport(httpx.BaseTransport):
    """Ends an answer that goes on for too long, however often a part of it comes.

    Args:
        transport: What sends requests.
        limit: How long to wait for what follows the head of an answer.
    """

    def __init__(self, transport: httpx.HTTPTransport, limit: timedelta) -> None:
        self._transport = transport
        self._limit = limit

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer, whose body raises when it is too long.

        Raises:
            TransportError: There is no answer.
        """
        answer = self._transport.handle_request(request)
        body = _Body(cast("httpx.SyncByteStream", answer.stream), self._limit)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=body, extensions=answer.extensions)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, limit: timedelta) -> None:
        self._stream = stream
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        deadline, size = time.monotonic() + self._limit.total_seconds(), 0
        for piece in self._stream:
            size += len(piece)
            if size > ANSWER_BYTES:
                raise httpx.ReadError(f"the answer has more than {ANSWER_BYTES} bytes")
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"the answer was not complete within {self._limit.total_seconds():g} s")
            yield piece

    def close(self) -> None:
        self._stream.close()
