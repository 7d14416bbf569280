"""What many requests do to a service: whether it keeps descriptors open or memory occupied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from image_harness.engine.container import Container
from image_harness.engine.errors import EngineError
from image_harness.engine.traffic import ask_again
from image_harness.types import Port

# Before the first measurement: caches fill, pools open, the interpreter grows to its working size.
_WARM_UP = 500


@dataclass(frozen=True, slots=True)
class Growth:
    """A service before and after.

    Attributes:
        requests: How many requests lay between.
        descriptors_before: How many file descriptors its first process had open.
        descriptors_after: The same afterwards.
        memory_before: How many bytes of memory it and what it started held, without what an emulator takes for itself.
        memory_after: The same afterwards.
    """

    requests: int
    descriptors_before: int
    descriptors_after: int
    memory_before: int
    memory_after: int


def observe_growth(container: Container, port: Port, path: str, requests: int, limit: timedelta) -> Growth:
    """Ask a service again and again, one request after the other.

    Args:
        container: Its container.
        port: Where it listens.
        path: What to ask for.
        requests: How often, after a warm-up that is not counted.
        limit: How long to wait for each answer.

    Raises:
        ContainerLost: It does not run, or not any more.
        EngineError: It is not of this machine, or an answer was not 200.
    """
    _ask(container, port, path, _WARM_UP, limit)
    proc = container.proc
    descriptors, memory = proc.descriptors(), proc.service_memory().program
    _ask(container, port, path, requests, limit)
    return Growth(requests, descriptors, proc.descriptors(), memory, proc.service_memory().program)


def _ask(container: Container, port: Port, path: str, requests: int, limit: timedelta) -> None:
    answers = ask_again(container.address(port), path, requests, limit)
    if not answers.all_are(200, requests):
        raise EngineError(f"of {requests} requests to {path} came {answers}", where=container.name)
