"""The container that most runtime checks share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from image_harness.design import Design
from image_harness.engine import (
    Answer,
    Clock,
    Container,
    ContainerDied,
    ContainerLost,
    ContainerState,
    Engine,
    HealthStatus,
    HealthTimeline,
    RunOptions,
    WaitExpired,
    wait_for_answer,
)
from image_harness.engine.clock import MOST
from image_harness.types import HealthCheck, Port

# The engine probes this often until the service is healthy, so that a run need not wait for the probes. Each is a start
# of an interpreter, which under emulation keeps a processor busy for most of a second.
_OFTEN = timedelta(seconds=2)


@dataclass
class Running:
    """A container of the image and what it has shown.

    Attributes:
        starting: The container, which may not answer yet.
        first_state: Its state as soon as it was started.
        answering: Whether it answers on its default port, as soon as that is known.
        health: How its health went, as soon as it is healthy. Somebody has to listen from the start: engines forget
            their events after some hundred others.
        design: What it is held against.
        clock: Scales time limits.
    """

    starting: Container
    first_state: ContainerState
    answering: Future[Answer]
    health: Future[HealthTimeline]
    design: Design
    clock: Clock

    @classmethod
    @contextlib.contextmanager
    def start(cls, engine: Engine, design: Design, image: str, measure: Callable[[], Clock]) -> Iterator[Self]:
        """Start the image plainly, its port published on loopback, its health probed more often.

        Args:
            engine: Where it runs.
            design: What it is held against.
            image: The image as the engine knows it.
            measure: Gives the clock; called while the container boots.
        """
        port = Port(design.service.port)
        # Nobody knows yet how slow this machine is. What takes too long is found out by waiting, not by the engine.
        check = HealthCheck(
            test=(),
            interval=None if engine.facts.probes_more_often_at_the_start else _OFTEN,
            start_interval=_OFTEN,
            start_period=design.runtime.healthy_within * MOST,
        )
        with engine.run(image, RunOptions(publish=(port,), health_check=check)) as container:
            state = container.state()
            clock = measure()
            path, limit = design.runtime.health_path, clock.limit(design.runtime.answers_within)
            with ThreadPoolExecutor(max_workers=2, thread_name_prefix="running") as threads:
                answering = threads.submit(wait_for_answer, container, path, limit, port=port)
                health = threads.submit(
                    follow_health, container, clock.limit(design.runtime.healthy_within), lambda: _answers(answering)
                )
                yield cls(container, state, answering, health, design, clock)

    @property
    def answer(self) -> Answer:
        """Whether the service answered on its default port.

        Raises:
            EngineError: The engine failed.
        """
        return self.answering.result()

    @property
    def container(self) -> Container:
        """The container, its service answering.

        Raises:
            ContainerLost: The service does not answer, so nothing that needs it can be told.
        """
        if not self.answer.answered:
            raise ContainerLost(self.answer.reason)
        return self.starting

    @property
    def boot(self) -> timedelta | None:
        """The time until the engine called the container healthy; None when that is not known (yet)."""
        if not self.health.done() or self.health.exception() is not None:
            return None
        return self.health.result().until(HealthStatus.HEALTHY)


def _answers(answering: Future[Answer]) -> bool:
    return answering.done() and answering.exception() is None and answering.result().answered


def follow_health(container: Container, limit: timedelta, answers: Callable[[], bool] | None = None) -> HealthTimeline:
    """Return how a container's health goes until it is healthy or not, has ended, or the limit is over.

    A container whose service ``answers`` and whose probes go on failing is not waited for to the end of the limit.

    A service that ends or never becomes healthy is a finding about the image, as is an image without a health check.

    Raises:
        EngineError: The engine failed.
    """
    check = container.health_check()
    if check is not None and check.test:
        with contextlib.suppress(ContainerDied, WaitExpired):
            container.wait_for_health(HealthStatus.HEALTHY, limit, HealthStatus.UNHEALTHY, answers=answers)
    return container.health_timeline()
