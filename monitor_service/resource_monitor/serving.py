"""The HTTP server, and how it ends."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType

import uvicorn

_log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_BACKLOG = 1024
_GRACE = timedelta(seconds=2)
_DEADLINE = timedelta(seconds=2.5)


class MonitorServer(uvicorn.Server):
    """Ends on SIGTERM and SIGINT with the requests in flight answered, and without raising the signal again.

    uvicorn raises it again once it has shut down, so that a parent sees what ended the process. As PID 1 in a
    container there is nobody to see it: the kernel does not let it end the process, and under QEMU it waits for ever.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals from here on, and keep doing so until the process ends."""
        for number in _SIGNALS:
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's signature
        """Ask the server to end; asked again, it does not wait for requests."""
        if self.should_exit:
            self.force_exit = True
            return
        self.should_exit = True
        # A thread that hangs in the kernel, or a name server that does not answer, must not outlast the stop.
        deadline = threading.Timer(_DEADLINE.total_seconds(), os._exit, (0,))
        deadline.daemon = True
        deadline.start()


def bind(host: str, port: int) -> socket.socket:
    """Take the port.

    Raises:
        OSError: It cannot be had.
    """
    # With the protocol named: asyncio turns Nagle's algorithm off only where it is, and each answer in two parts, head
    # and body, would wait 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def serve(application: str, listener: socket.socket, *, access_log: bool) -> bool:
    """Serve until a signal comes.

    Args:
        application: Where the ASGI application is, as ``module:name``.
        listener: The socket that listens.
        access_log: Whether each request is logged.

    Returns:
        Whether it came up at all.
    """
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=access_log,
        backlog=_BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=int(_GRACE.total_seconds()),
    )
    server = MonitorServer(config)
    server.run(sockets=[listener])
    return server.started
