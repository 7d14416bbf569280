"""When something that was sent to a program has arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import repeat
from typing import cast

import pytest

from image_harness.engine import Container, ContainerLost, EngineError, ListeningSocket
from image_harness.engine.arrival import await_request, await_signal
from image_harness.types import Port

PORT = Port(8093)
LISTENS = (ListeningSocket("0.0.0.0", 8093, "tcp"),)
LIMIT = timedelta(seconds=0.2)


@dataclass
class Proc:
    """What /proc tells, one look after the other."""

    queues: Iterator[int] = field(default_factory=lambda: repeat(0))
    sockets: Iterator[tuple[ListeningSocket, ...]] = field(default_factory=lambda: repeat(LISTENS))
    problem: EngineError | None = None
    looks: int = 0

    def required_pid(self) -> int:
        if self.problem is not None:
            raise self.problem
        return 1

    def waiting(self, port: Port) -> int:
        assert port == PORT
        self.looks += 1
        return next(self.queues)

    def listening_sockets(self) -> tuple[ListeningSocket, ...]:
        self.looks += 1
        return next(self.sockets)


@dataclass
class Looked:
    proc: Proc
    name: str = "app"


def container(proc: Proc) -> Container:
    return cast("Container", Looked(proc))


def test_a_request_has_arrived_once_nothing_waits() -> None:
    proc = Proc(queues=iter([5, 1, 0]))
    await_request(container(proc), PORT, LIMIT)
    assert proc.looks == 3


def test_a_request_that_is_not_taken_in_time_is_told() -> None:
    with pytest.raises(EngineError, match=r"^app: had not taken a request after 0\.2 s"):
        await_request(container(Proc(queues=repeat(1))), PORT, LIMIT)


def test_a_request_to_a_container_that_has_ended_is_told() -> None:
    with pytest.raises(ContainerLost):
        await_request(container(Proc(problem=ContainerLost("does not run"))), PORT, LIMIT)


def test_a_signal_has_arrived_once_the_program_listens_no_more() -> None:
    proc = Proc(sockets=iter([LISTENS, LISTENS, ()]))
    await_signal(container(proc), PORT, LIMIT)
    assert proc.looks == 3


def test_a_signal_that_is_not_heeded_is_not_waited_for_for_ever() -> None:
    await_signal(container(Proc()), PORT, LIMIT)


def test_a_signal_that_has_ended_the_container_has_arrived() -> None:
    await_signal(container(Proc(problem=ContainerLost("does not run"))), PORT, LIMIT)


def test_what_arrives_on_another_machine_is_not_seen_and_given_some_time() -> None:
    proc = Proc(problem=EngineError("the engine is of another machine"))
    await_request(container(proc), PORT, LIMIT)
    await_signal(container(proc), PORT, LIMIT)
    assert proc.looks == 0
