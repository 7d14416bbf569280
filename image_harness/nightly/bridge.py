"""Lets buildx use an engine's own BuildKit as one node among others.

buildx has a driver for engines, but a builder of that driver has one node only; and its other drivers need an image
from a registry, or a BuildKit daemon of its own. An engine's BuildKit is behind its API, though, and ``docker buildx
dial-stdio`` reaches it: what connects to the socket here is handed on to it, so that the driver ``remote`` can be told
of that socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def bridged(engine: str, path: Path) -> Iterator[str]:
    """Make an engine's BuildKit reachable at a socket for as long as it is needed.

    Args:
        engine: The engine's URL, as DOCKER_HOST takes it.
        path: Where the socket is to be.

    Yields:
        The socket's URL.
    """
    environment = {**os.environ, "DOCKER_HOST": engine}
    # A context or a builder that the user chose is not this engine.
    for name in ("DOCKER_CONTEXT", "BUILDX_BUILDER"):
        environment.pop(name, None)
    dials: list[subprocess.Popen[bytes]] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # it was shut down: nobody needs it any more
                command = ["docker", "buildx", "dial-stdio", "--builder", "default"]
                with connection:
                    ends = connection.fileno()
                    dials.append(
                        subprocess.Popen(command, stdin=ends, stdout=ends, stderr=subprocess.DEVNULL, env=environment)
                    )

        server = threading.Thread(target=serve, name=f"bridge to {engine}", daemon=True)
        server.start()
        try:
            yield f"unix://{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
            for dial in dials:
                dial.terminate()
                dial.wait()
