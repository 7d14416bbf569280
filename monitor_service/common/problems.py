"""Short, fixed words for what went wrong with another service.

A client library's own message may repeat the URL that it was given, so it is never passed on.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator


def describe(error: BaseException) -> str:
    """Say what kind of failure an error is, whichever library raised it."""
    chain = list(_causes(error))
    for kind, words in (
        (ConnectionRefusedError, "connection refused"),
        (socket.gaierror, "host name not resolved"),
        (TimeoutError, "timed out"),
        (ConnectionResetError, "connection lost"),
        (PermissionError, "permission denied"),
    ):
        if any(isinstance(cause, kind) for cause in chain):
            return words
    names = " ".join(type(cause).__name__ for cause in chain).lower()
    for fragment, words in (
        ("auth", "credentials refused"),
        ("timeout", "timed out"),
        ("config", "unusable address"),
        ("invaliduri", "unusable address"),
    ):
        if fragment in names:
            return words
    return f"failed ({type(chain[0]).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
