"""Speaks as much of MongoDB's wire protocol as the service needs.

No MongoDB server can be had from Debian 12, so what needs one that answers is tested against this; what needs one that
is gone, slow or silent is tested against real sockets.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from bson import CodecOptions, decode, encode

_HEADER = struct.Struct("<iiii")
_OP_QUERY, _OP_REPLY, _OP_MSG = 2004, 1, 2013
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
_HELLO = {"ismaster": True, "isWritablePrimary": True, "maxWireVersion": 21, "minWireVersion": 0, "ok": 1.0}
_LIMITS = {"maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48 << 20, "maxWriteBatchSize": 100_000}


class FakeMongo:
    """A database server on a free loopback port.

    Attributes:
        documents: What was inserted, by ``database.collection``.
        commands: The names of all commands but handshakes.
        indexes: The index specifications that were asked for.
        failure: What every command but handshakes is answered with, where set.
    """

    def __init__(self, port: int = 0) -> None:
        self.documents: dict[str, list[dict[str, Any]]] = {}
        self.commands: list[str] = []
        self.indexes: list[Mapping[str, Any]] = []
        self.failure: Mapping[str, Any] | None = None
        self._connections: list[socket.socket] = []
        fake = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                fake._connections.append(self.request)
                with suppress(OSError, struct.error):
                    while True:
                        self.request.sendall(fake._answer(self._exactly))

            def _exactly(self, size: int) -> bytes:
                data = b""
                while len(data) < size:
                    part: bytes = self.request.recv(size - len(data))
                    if not part:
                        raise ConnectionError
                    data += part
                return data

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._replies: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "insert": self._insert,
            "find": self._find,
            "createIndexes": self._create_indexes,
        }

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _answer(self, exactly: Callable[[int], bytes]) -> bytes:
        length, request_id, _, op_code = _HEADER.unpack(exactly(_HEADER.size))
        data = exactly(length - _HEADER.size)
        if op_code == _OP_QUERY:
            reply = struct.pack("<iqii", 8, 0, 0, 1) + encode(_HELLO | _LIMITS)
            return _HEADER.pack(_HEADER.size + len(reply), 1, request_id, _OP_REPLY) + reply
        reply = b"\0\0\0\0\0" + encode(self._run(_command(data)))
        return _HEADER.pack(_HEADER.size + len(reply), 1, request_id, _OP_MSG) + reply

    def _run(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name in {"hello", "ismaster", "isMaster"}:
            return _HELLO | _LIMITS
        self.commands.append(name)
        if self.failure is not None:
            return dict(self.failure)
        answer = self._replies.get(name)
        return (answer(command) if answer else {}) | {"ok": 1.0}

    def _insert(self, command: dict[str, Any]) -> dict[str, Any]:
        self.documents.setdefault(f"{command['$db']}.{command['insert']}", []).extend(command["documents"])
        return {"n": len(command["documents"])}

    def _find(self, command: dict[str, Any]) -> dict[str, Any]:
        name = f"{command['$db']}.{command['find']}"
        wanted, since = command["filter"]["session_id"], command["filter"]["timestamp"]["$gte"]
        found = [d for d in self.documents.get(name, []) if d["session_id"] == wanted and d["timestamp"] >= since]
        found.sort(key=lambda document: document["timestamp"], reverse=command["sort"]["timestamp"] < 0)
        batch = [{k: v for k, v in document.items() if k != "_id"} for document in found[: command["limit"]]]
        return {"cursor": {"id": 0, "ns": name, "firstBatch": batch}}

    def _create_indexes(self, command: dict[str, Any]) -> dict[str, Any]:
        self.indexes.extend(command["indexes"])
        return {}


def _command(data: bytes) -> dict[str, Any]:
    """Take a message apart: flags, then sections, one document or a named list of documents each."""
    command: dict[str, Any] = {}
    offset = 4
    while offset < len(data):
        kind, offset = data[offset], offset + 1
        size = int.from_bytes(data[offset : offset + 4], "little")
        section = data[offset : offset + size]
        offset += size
        if kind == 0:
            command = _decode(section) | command
        else:
            name, _, rest = section[4:].partition(b"\0")
            command[name.decode()] = list(_documents(rest))
    return {next(k for k in command if not isinstance(command[k], list)): None} | command


def _documents(data: bytes) -> list[dict[str, Any]]:
    documents = []
    while data:
        size = int.from_bytes(data[:4], "little")
        documents.append(_decode(data[:size]))
        data = data[size:]
    return documents


def _decode(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = decode(data, _AWARE)
    return document
