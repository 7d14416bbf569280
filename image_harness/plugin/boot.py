"""A container of the image that has just been started, and what is waited for in the background."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from image_harness.design import Design
from image_harness.engine import (
    Answer,
    Answers,
    Clock,
    Container,
    ContainerLost,
    ContainerState,
    Engine,
    HealthTimeline,
    RunOptions,
    ask_at_once,
    wait_for_answer,
)
from image_harness.plugin.health import judge_health
from image_harness.types import Port

# What a native machine takes at most to answer many clients at once.
_LOAD = timedelta(seconds=10)


@dataclass
class Boot:
    """A container that boots, or has booted.

    Attributes:
        starting: The container, which may not answer yet.
        first_state: Its state as soon as it was started.
        answering: Whether it answers on its default port, as soon as that is known, and how long that took.
        health: How its health went, as soon as it is healthy; raises what ``judge_health`` raises. Somebody has to
            listen from the start: engines forget their events after some hundred others.
        design: What it is held against.
        clock: Gives what scales time limits.
    """

    starting: Container
    first_state: ContainerState
    answering: Future[tuple[Answer, timedelta]]
    health: Future[HealthTimeline]
    design: Design
    clock: Callable[[], Clock]
    _load: Answers | None = None
    _loading: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextlib.contextmanager
    def start(
        cls, engine: Engine, design: Design, image: str, options: RunOptions, clock: Callable[[], Clock]
    ) -> Iterator[Self]:
        """Start the image, and begin to wait for what it comes to.

        Args:
            engine: Where it runs.
            design: What it is held against.
            image: The image as the engine knows it.
            options: How it runs.
            clock: Gives what scales time limits; called in the background, while the container boots.

        Raises:
            EngineError: The engine could not start it so.
        """
        # The container goes first: what is still waited for then, and was not asked for, is not waited for any longer.
        with (
            ThreadPoolExecutor(max_workers=2, thread_name_prefix="boot") as threads,
            engine.run(image, options) as container,
        ):
            begin, state = time.monotonic(), container.state()
            port, path = Port(design.service.port), design.runtime.health_path

            def answer() -> tuple[Answer, timedelta]:
                found = wait_for_answer(container, path, clock().wait_limit(design.runtime.answers_within), port=port)
                return found, timedelta(seconds=time.monotonic() - begin)

            def answers() -> bool:
                return answering.done() and answering.exception() is None and answering.result()[0].answered

            def health() -> HealthTimeline:
                return judge_health(container, clock(), design.runtime.healthy_within, answering, answers)

            answering = threads.submit(answer)
            yield cls(container, state, answering, threads.submit(health), design, clock)

    @property
    def answer(self) -> Answer:
        """Whether the service answered on its default port.

        Raises:
            EngineError: The engine failed.
        """
        return self.answering.result()[0]

    @property
    def container(self) -> Container:
        """The container, its service answering.

        Raises:
            ContainerLost: The service does not answer, so nothing that needs it can be told.
            EngineError: The engine failed.
        """
        if not self.answer.answered:
            raise ContainerLost(f"the service did not answer: {self.answer.reason}", where=self.starting.name)
        return self.starting

    @property
    def duration(self) -> timedelta | None:
        """From its start until the service answered; None when that is not known (yet)."""
        if not self.answering.done() or self.answering.exception() is not None:
            return None
        answer, waited = self.answering.result()
        return waited if answer.answered else None

    def load(self) -> Answers:
        """What the design's many clients were answered, who asked all at once; they ask once.

        Raises:
            ContainerLost: The service does not answer, or somebody has stopped its container meanwhile.
            EngineError: The engine failed, or this machine could not ask so often at once.
        """
        with self._loading:
            if self._load is None:
                address = self.container.address(Port(self.design.service.port))
                runtime, limit = self.design.runtime, self.clock().limit(_LOAD)
                load = ask_at_once(address, runtime.health_path, runtime.clients, limit)
                if load.errors:
                    self.container.require_left_alone()
                self._load = load
            return self._load
