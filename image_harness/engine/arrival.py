"""When something that was sent to a program has arrived: an emulated one on a busy machine may take its time.

A check that asks on before that sees what the program did without it, and takes a defect for its absence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from image_harness.engine.container import Container
from image_harness.engine.errors import ContainerLost, EngineError
from image_harness.types import Port

# Where the engine is of another machine nobody sees it arrive.
_UNSEEN = timedelta(milliseconds=500)
_POLL = 0.02


def await_request(container: Container, port: Port, limit: timedelta) -> None:
    """Wait until a program has taken everything that was sent to its port.

    Raises:
        ContainerLost: The container has ended.
        EngineError: It had not after the limit.
    """
    try:
        _ = container.proc.required_pid()
    except ContainerLost:
        raise
    except EngineError:
        time.sleep(_UNSEEN.total_seconds())
        return
    if not _poll(lambda: not container.proc.waiting(port), limit):
        raise EngineError(f"had not taken a request after {limit.total_seconds():g} s", where=container.name)


def await_signal(container: Container, port: Port, limit: timedelta) -> None:
    """Wait until a program that was told to end listens no more, or has ended; to the limit, as it may not heed it.

    Raises:
        EngineError: The engine failed.
    """
    try:
        _ = container.proc.required_pid()
        _poll(lambda: port.number not in {one.port for one in container.proc.listening_sockets()}, limit)
    except ContainerLost:
        return
    except EngineError:
        time.sleep(_UNSEEN.total_seconds())


def _poll(arrived: Callable[[], bool], limit: timedelta) -> bool:
    deadline = time.monotonic() + limit.total_seconds()
    while not arrived():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
