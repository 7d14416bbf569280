"""HTTP/1.1 messages as bytes on a stream: read whole, or in the pieces that they arrive in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

_LINE = 1 << 16
_PIECE = 1 << 16


@dataclass(frozen=True)
class Message:
    """The head of a message.

    Attributes:
        start: The first line, without its end.
        headers: The headers, their names in small letters.
        body: The body of a request; of an answer it is read by itself.
    """

    start: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def words(self) -> tuple[str, str]:
        """The first two words: method and target of a request, version and status of an answer."""
        first, second = self.start.split(" ", 2)[:2]
        return first, second

    def to_bytes(self) -> bytes:
        """The message on the wire."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Broken(Exception):  # noqa: N818 - never leaves this package
    """The other side ended in the middle of a message."""


def read_head(stream: BinaryIO) -> Message | None:
    """The next head; None at the end of the stream."""
    start = stream.readline(_LINE).decode("latin-1").rstrip("\r\n")
    if not start:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline(_LINE).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Message(start, headers)


def read_request(stream: BinaryIO) -> Message | None:
    """The next request with its body; None at the end of the stream."""
    head = read_head(stream)
    if head is None:
        return None
    return Message(head.start, head.headers, b"".join(pieces(head, stream)) if _has_body(head) else b"")


def _has_body(head: Message) -> bool:
    return "content-length" in head.headers or "transfer-encoding" in head.headers


def is_stream(answer: Message) -> bool:
    """Whether an answer takes the connection over, as that to the start of a command does."""
    return answer.words[1] == "101" or "raw-stream" in answer.headers.get("content-type", "")


def pieces(head: Message, stream: BinaryIO) -> Iterator[bytes]:
    """The body as it is on the wire, in the pieces that it is sent in.

    Raises:
        Broken: It ends before it is complete.
    """
    if head.words[1] in ("204", "304"):
        return
    if head.headers.get("transfer-encoding") == "chunked":
        yield from _chunks(stream)
        return
    left = int(head.headers.get("content-length", 0))
    while left:
        data = stream.read(min(left, _PIECE))
        if not data:
            raise Broken
        left -= len(data)
        yield data


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        line = stream.readline(_LINE)
        if not line:
            raise Broken
        size = int(line.split(b";")[0], 16)
        yield line + stream.read(size + 2)
        if size == 0:
            return


def content(head: Message, wire: bytes) -> bytes:
    """The content of a body."""
    if head.headers.get("transfer-encoding") != "chunked":
        return wire
    found, rest = b"", wire
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line, 16)
        found += rest[:size]
        rest = rest[size + 2 :]
    return found


def json_answer(status: str, document: object) -> Message:
    """An answer with a JSON document."""
    body = json.dumps(document).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    return Message(f"HTTP/1.1 {status}", headers, body)
