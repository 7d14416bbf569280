"""An engine that fails on purpose: in front of a real one, with one fault in one call."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import parse_qs, urlsplit

from tests.faults.calls import about, call_name
from tests.faults.decoy import Decoy
from tests.faults.engine_clock import by_the_clock, dated
from tests.faults.injection import Fault, Injection, Moment
from tests.faults.messages import (
    Broken,
    Message,
    content,
    is_stream,
    json_answer,
    pieces,
    read_head,
    read_request,
)

_PIECE = 1 << 16
# Process, user and group at the other end of a socket.
_CREDENTIALS = struct.Struct("3i")


class Proxy:
    """A socket that forwards an engine's calls; use it as a context manager.

    Args:
        engine: The socket of the real engine.
        listen: The socket to make.
        injection: What is to go wrong; None forwards everything as it is.
        decoy: Whom answers of another are about.

    Attributes:
        calls: How often each call was made.
        injected: How often the fault was.
        made: The names of the containers that were asked for, the first one first.
        halted: The container that was sent SIGSTOP; empty before.
        asking: The process that asks: the run.
        clock_set_by: By how many seconds the engine's clock has been set, as its answers tell the time.
    """

    def __init__(
        self, engine: Path, listen: Path, injection: Injection | None = None, decoy: Decoy | None = None
    ) -> None:
        self._engine = engine
        self._injection = injection
        self._decoy = decoy
        self._path = listen
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._moment: Moment | None = None
        self.calls: Counter[str] = Counter()
        self.injected = 0
        self.made: list[str] = []
        self.halted = ""
        self.asking = 0
        self.clock_set_by = 0.0

    @property
    def url(self) -> str:
        """Where it is reached, as DOCKER_HOST takes it."""
        return f"unix://{self._path}"

    def __enter__(self) -> Self:
        self._listener.bind(str(self._path))
        self._listener.listen(128)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asking = _CREDENTIALS.unpack(
                connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            )[0]
            self._start(self._serve, connection)

    @contextlib.contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[socket.socket]:
        """Know of a connection as long as it is open, so that it can be ended."""
        with connection:
            with self._lock:
                self._open.add(connection)
            try:
                yield connection
            finally:
                with self._lock:
                    self._open.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        # Either side may hang up at any time: that is the end of a connection, and no more.
        with self._kept(connection) as client, client.makefile("rb") as stream, contextlib.suppress(OSError, Broken):
            while (request := read_request(stream)) is not None:
                if not self._exchange(client, request):
                    return

    def _exchange(self, client: socket.socket, request: Message) -> bool:
        """Answer a request; False when the connection is not to be used any more."""
        fault = self._count(call_name(*request.words))
        self._note(request)
        if fault is Fault.REFUSED:
            return False
        if fault is Fault.FAILED:
            client.sendall(json_answer("500 Internal Server Error", {"message": "injected for this test"}).to_bytes())
            return True
        if fault is Fault.OTHERS and self._decoy is not None:
            answered = self._decoy.answer(request)
            if answered is not None:
                client.sendall(answered.to_bytes())
                return True
            request = self._decoy.redirect(request)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as upstream:
            upstream.connect(str(self._engine))
            with self._kept(upstream), upstream.makefile("rb") as stream:
                upstream.sendall(by_the_clock(request, self.clock_set_by).to_bytes())
                answer = read_head(stream)
                if answer is None:
                    return False
                answer = dated(answer, self.clock_set_by)
                if fault is None or (fault is Fault.OTHERS and not self._rewrites(request)):
                    return self._forward(client, upstream, answer, stream)
                wire = self._whole(request, answer, stream)
                if fault is Fault.OTHERS:
                    client.sendall(self._rewritten(answer, wire).to_bytes())
                    return True
                self._damage(client, fault, answer, wire)
                return False

    def at(self, moment: Moment) -> None:
        """Let something happen at a moment."""
        self._moment = moment

    def _note(self, request: Message) -> None:
        call = call_name(*request.words)
        if call == "POST /containers/create":
            self.made += parse_qs(urlsplit(request.words[1]).query).get("name", [])
        if call == "POST /containers/{id}/kill" and "SIGSTOP" in request.words[1]:
            self.halted = about(request.words[1])
        with self._lock:
            moment = self._moment
            if moment is None or call != moment.call or self.calls[call] < moment.nth:
                return
            if not moment.meant(self, request.words[1]):
                return
            self._moment = None
        # Not under the lock: what happens may itself take a while, and other calls go on.
        moment.happens(self, about(request.words[1]))
        with self._lock:
            self.injected += 1

    def _count(self, call: str) -> Fault | None:
        with self._lock:
            self.calls[call] += 1
            if self._injection is None or not self._injection.hits(call, self.calls[call]):
                return None
            self.injected += 1
            return self._injection.fault

    @staticmethod
    def _forward(client: socket.socket, upstream: socket.socket, answer: Message, stream: BinaryIO) -> bool:
        client.sendall(answer.to_bytes())
        if is_stream(answer):
            _pump(client, upstream, stream)
            return False
        for piece in pieces(answer, stream):
            client.sendall(piece)
        return "close" not in answer.headers.get("connection", "")

    @staticmethod
    def _whole(request: Message, answer: Message, stream: BinaryIO) -> bytes:
        if request.words[0] == "HEAD":
            return b""
        return stream.read() if is_stream(answer) else b"".join(pieces(answer, stream))

    @staticmethod
    def _damage(client: socket.socket, fault: Fault, answer: Message, wire: bytes) -> None:
        head = answer.to_bytes()
        if fault is not Fault.DELAYED:
            # An answer without a body is cut within its first line, before it says anything.
            client.sendall(head + wire[: len(wire) // 2] if wire else head[:10])
        if fault in (Fault.DELAYED, Fault.STALLED):
            client.recv(1)  # until the harness hangs up

    def _rewrites(self, request: Message) -> bool:
        return call_name(*request.words) == "POST /containers/create"

    def _rewritten(self, answer: Message, wire: bytes) -> Message:
        document = json.loads(content(answer, wire))
        if self._decoy is not None and "Id" in document:
            document["Id"] = self._decoy.container
        return json_answer(answer.start.partition(" ")[2], document)


def _pump(client: socket.socket, upstream: socket.socket, stream: BinaryIO) -> None:
    """Carry bytes both ways until the engine is done or the harness has hung up."""
    # What the engine has sent together with its head is in the buffer of the stream already.
    buffered = stream.read1() if stream.peek() else b""  # type: ignore[attr-defined]
    if not buffered:
        return
    client.sendall(buffered)
    with selectors.DefaultSelector() as selector:
        for side in (client, upstream):
            selector.register(side, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(_PIECE)  # type: ignore[union-attr]
                if not data:
                    return
                (client if key.fileobj is upstream else upstream).sendall(data)
