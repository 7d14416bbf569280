"""Clients that behave as clients do: many at once, slow ones, ones that are in the middle of a request."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import http.client
import resource
import select
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from image_harness.engine.errors import EngineError

Address = tuple[str, int]
"""Host and port."""

_CONNECT = timedelta(seconds=5)
_DESCRIPTORS_OF_OUR_OWN = 256
_OUR_OWN_LIMITS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class Answers:
    """What many requests came to.

    Attributes:
        statuses: How often each HTTP status was answered.
        errors: How often each kind of failure happened instead.
    """

    statuses: Counter[int]
    errors: Counter[str]

    def all_are(self, status: int, count: int) -> bool:
        """Whether so many requests were made and each had this status."""
        return not self.errors and self.statuses == {status: count}

    def __str__(self) -> str:
        """For messages."""
        found = [f"{count} x {what}" for what, count in (*self.statuses.items(), *self.errors.items())]
        return ", ".join(found) or "no answer"


def ask_again(address: Address, path: str, count: int, limit: timedelta) -> Answers:
    """Make requests one after the other on a single connection (RFC 9112, section 9.3).

    A server that closes the connection is not asked again: what is left counts as an error.
    """
    statuses: Counter[int] = Counter()
    errors: Counter[str] = Counter()
    connection = http.client.HTTPConnection(*address, timeout=limit.total_seconds())
    connection.connect()
    first = connection.sock
    with contextlib.closing(connection):
        for done in range(count):
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                errors[type(error).__name__] += count - done
                break
            statuses[response.status] += 1
            if connection.sock is not first:
                errors["connection closed"] += count - done - 1
                break
    return Answers(statuses, errors)


def ask_at_once(address: Address, path: str, clients: int, limit: timedelta) -> Answers:
    """Make one request each from many clients that are all connected before the first of them asks.

    Raises:
        EngineError: This machine could not: what came of the others says nothing about the server.
    """
    _make_room_for(clients)
    return asyncio.run(_ask_at_once(address, path, clients, limit))


async def _ask_at_once(address: Address, path: str, clients: int, limit: timedelta) -> Answers:
    together = asyncio.Barrier(clients)
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\nConnection: close\r\n\r\n".encode()

    async def ask() -> int | str:
        try:
            async with asyncio.timeout(limit.total_seconds()):
                reader, writer = await asyncio.open_connection(*address)
                try:
                    await together.wait()
                    writer.write(request)
                    line = await reader.readline()
                    await reader.read()
                    return int(line.split()[1]) if line else "no answer"
                finally:
                    writer.close()
        except (OSError, asyncio.BrokenBarrierError, ValueError, IndexError) as error:
            if isinstance(error, OSError) and error.errno in _OUR_OWN_LIMITS:
                said = f"this machine could not make {clients} requests at once: {error.strerror}"
                raise EngineError(said, where=f"{address[0]}:{address[1]}") from None
            return type(error).__name__

    found = await asyncio.gather(*(ask() for _ in range(clients)))
    return Answers(
        Counter(answer for answer in found if isinstance(answer, int)),
        Counter(answer for answer in found if isinstance(answer, str)),
    )


class HalfRequest:
    """A POST whose body is not complete yet: the server waits for it.

    Args:
        address: Where the server listens.
        path: What to post to.
        limit: How long to wait for the answer.
    """

    def __init__(self, address: Address, path: str, limit: timedelta) -> None:
        body = b"{}"
        head = f"POST {path} HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self._path = path
        self._rest = body[1:]
        self._socket = socket.create_connection(address, timeout=limit.total_seconds())
        self._socket.sendall(head.encode() + body[:1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def finish(self) -> int | None:
        """Send the rest; the status of the answer, or None when there is none.

        Raises:
            EngineError: The server has answered already: it does not wait for the body, so no request was under way.
        """
        try:
            early = select.poll()
            early.register(self._socket, select.POLLIN)
            if early.poll(0) and self._socket.recv(1, socket.MSG_PEEK):
                raise EngineError("answered before the request was complete, so none was under way", where=self._path)
            self._socket.sendall(self._rest)
            answer = b""
            while b"\r\n" not in answer:
                piece = self._socket.recv(4096)
                if not piece:
                    return None
                answer += piece
            return int(answer.split(None, 2)[1])
        except (OSError, ValueError, IndexError):
            return None


@contextlib.contextmanager
def silent_clients(address: Address, count: int) -> Iterator[int]:
    """Keep connections open on which nothing is ever said; gives how many there are.

    Fewer than asked for when there is no room for more: once the queue of a service that accepts none is full, the
    kernel leaves those who knock without an answer.

    Raises:
        OSError: This process may not open as many, or not even the first of them is taken.
    """
    _make_room_for(count)
    with contextlib.ExitStack() as stack:
        connected = 0
        while connected < count:
            try:
                stack.enter_context(socket.create_connection(address, timeout=_CONNECT.total_seconds()))
            except TimeoutError:
                if connected:
                    break
                raise
            connected += 1
        yield connected


def _make_room_for(connections: int) -> None:
    """Let this process open as many descriptors, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _DESCRIPTORS_OF_OUR_OWN
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
