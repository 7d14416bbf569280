"""The container that most runtime checks share."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from image_harness.design import Design
from image_harness.engine import (
    Answer,
    Clock,
    Container,
    ContainerDied,
    ContainerLost,
    ContainerState,
    Engine,
    EngineError,
    HealthStatus,
    HealthTimeline,
    InterpreterFacts,
    RunOptions,
    WaitExpired,
    interpreter_facts,
    wait_for_answer,
)
from image_harness.engine.clock import MOST
from image_harness.types import HealthCheck, Port

# The engine probes this often instead of every 30 s, so that a run need not wait for the probes.
_OFTEN = timedelta(seconds=1)
# What a native machine takes at most to import every module that there is.
_WORK = timedelta(seconds=30)


@dataclass
class Running:
    """A container of the image and what it has shown.

    Attributes:
        starting: The container, which may not answer yet.
        first_state: Its state as soon as it was started.
        health: How its health went, as soon as it is healthy. Somebody has to listen from the start: engines forget
            their events after some hundred others.
        design: What it is held against.
        clock: Scales time limits.
    """

    starting: Container
    first_state: ContainerState
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
        check = often(start_period=design.runtime.healthy_within * MOST)
        with engine.run(image, RunOptions(publish=(port,), health_check=check)) as container:
            state = container.state()
            clock = measure()
            with ThreadPoolExecutor(max_workers=1, thread_name_prefix="health") as listener:
                health = listener.submit(follow_health, container, clock.limit(design.runtime.healthy_within))
                yield cls(container, state, health, design, clock)

    @functools.cached_property
    def answer(self) -> Answer:
        """Whether the service answered on its default port."""
        limit = self.clock.limit(self.design.runtime.answers_within)
        return wait_for_answer(
            self.starting, self.design.runtime.health_path, limit, port=Port(self.design.service.port)
        )

    @property
    def container(self) -> Container:
        """The container, its service answering.

        Raises:
            ContainerLost: The service does not answer, so nothing that needs it can be told.
        """
        if not self.answer.answered:
            raise ContainerLost(self.answer.reason)
        return self.starting

    @functools.cached_property
    def interpreter(self) -> InterpreterFacts:
        """What the image's interpreter says of itself and of the designed packages."""
        modules = [package.slug for package in self.design.site_packages.packages]
        return interpreter_facts(self.container, modules, interpreter=self.design.image.interpreter, limit=self._limit)

    @property
    def boot(self) -> timedelta | None:
        """The time until the engine called the container healthy; None when that is not known (yet)."""
        if not self.health.done() or self.health.exception() is not None:
            return None
        return self.health.result().until(HealthStatus.HEALTHY)

    @property
    def _limit(self) -> timedelta:
        return self.clock.limit(_WORK)

    def python_json(self, code: str, *arguments: str) -> Mapping[str, Any]:
        """Run code with the image's interpreter and read the JSON object that it prints last.

        Raises:
            EngineError: It could not be run, or printed something else.
        """
        result = self.container.python(code, *arguments, interpreter=self.design.image.interpreter, limit=self._limit)
        try:
            document = json.loads(result.stdout.rstrip().rpartition("\n")[2])
        except ValueError:
            raise EngineError(f"no JSON from the interpreter: {(result.stderr or result.stdout)[-400:]}") from None
        return dict(document)


def often(*, start_period: timedelta) -> HealthCheck:
    """The image's own health check, probed every second; the probe, its timeout and the retries stay.

    Args:
        start_period: How long failures do not count; a success ends it.
    """
    return HealthCheck(test=(), interval=_OFTEN, start_interval=_OFTEN, start_period=start_period)


def follow_health(container: Container, limit: timedelta) -> HealthTimeline:
    """Return how a container's health goes until it is healthy or not, has ended, or the limit is over.

    A service that ends or never becomes healthy is a finding about the image, as is an image without a health check.

    Raises:
        EngineError: The engine failed.
    """
    check = container.health_check()
    if check is not None and check.test:
        with contextlib.suppress(ContainerDied, WaitExpired):
            container.wait_for_health(HealthStatus.HEALTHY, limit, HealthStatus.UNHEALTHY)
    return container.health_timeline()
