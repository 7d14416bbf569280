"""The container that most runtime checks share: the image as it is deployed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

from image_harness.design import Design
from image_harness.engine import (
    Answer,
    Answers,
    Clock,
    Container,
    ContainerState,
    Engine,
    HealthTimeline,
    ListeningSocket,
    Mount,
    NotGranted,
    RunOptions,
    Share,
)
from image_harness.engine.memory import Memory
from image_harness.plugin.boot import Boot
from image_harness.plugin.remembered import remembered
from image_harness.types import HealthCheck, Port

_MIB = 1024 * 1024
_EMULATED_MEMORY = 2
# Every probe is a start of an interpreter, and under emulation takes a good part of the time that the boot takes.
_BETWEEN_PROBES = timedelta(seconds=15)


class Running:
    """A container of the image as it is deployed, which all checks share that need no other.

    Where it does not answer so, or the engine cannot run it so, another one is started that runs the image plainly:
    whatever does not depend on the circumstances of its deployment can still be told. So one boot is enough for an
    image that is as it should be.

    Args:
        engine: Where it runs.
        design: What it is held against.
        image: The image as the engine knows it.
        clock: Gives what scales time limits.
        resources: Take the containers, to be removed at the end.

    Raises:
        EngineError: The engine failed.
    """

    def __init__(
        self,
        engine: Engine,
        design: Design,
        image: str,
        clock: Callable[[], Clock],
        resources: contextlib.ExitStack,
    ) -> None:
        self._design = design
        self._emulated = engine.emulates(design.image.platform)

        def start(options: RunOptions) -> Boot:
            return resources.enter_context(Boot.start(engine, design, image, options, clock))

        self._start = start
        self._refused: NotGranted | None = None
        self._deployed: Boot | None = None
        try:
            self._deployed = self._start(deployment(design, emulated=self._emulated))
        except NotGranted as error:
            self._refused = error
            _ = self.shared

    @property
    def deployed(self) -> Deployed:
        """The container as deployed, whether it answers or not.

        Raises:
            NotGranted: The engine cannot run it so.
        """
        if self._deployed is None:
            raise self._refused or NotGranted("was not started")
        return Deployed(self._deployed, self._design)

    @remembered
    def shared(self) -> Boot:
        """The container that checks share.

        Raises:
            EngineError: The engine failed.
        """
        if self._deployed is not None and self._deployed.answer.answered:
            return self._deployed
        return self._start(plainly(self._design, emulated=self._emulated))

    @property
    def answer(self) -> Answer:
        """Whether the service answered on its default port; raises what ``shared`` raises."""
        return self.shared.answer

    @property
    def container(self) -> Container:
        """The shared container, its service answering.

        Raises:
            ContainerLost: The service does not answer, so nothing that needs it can be told.
            EngineError: The engine failed.
        """
        return self.shared.container

    @property
    def first_state(self) -> ContainerState:
        """The shared container's state as soon as it was started; raises what ``shared`` raises."""
        return self.shared.first_state

    @property
    def health(self) -> Future[HealthTimeline]:
        """How the shared container's health went; raises what ``shared`` raises."""
        return self.shared.health

    @property
    def load(self) -> Answers:
        """What many clients at once were answered by the shared container; raises what ``container`` raises."""
        return self.shared.load()

    @property
    def boot(self) -> timedelta | None:
        """How long the shared container took to answer; None when that is not known (yet)."""
        boot = self.shared if "shared" in vars(self) else self._deployed
        return None if boot is None else boot.duration


class Deployed:
    """What the image shows as it is deployed; what needs an answering service raises when there is none.

    Args:
        boot: Its container.
        design: Whose deployment it is.
    """

    def __init__(self, boot: Boot, design: Design) -> None:
        self._boot = boot
        self._interpreter = design.image.interpreter

    @property
    def answer(self) -> Answer:
        """Whether the service answered.

        Raises:
            EngineError: The engine failed.
        """
        return self._boot.answer

    @property
    def health_check(self) -> HealthCheck | None:
        """The health check that the engine holds for the container."""
        return self._boot.starting.health_check()

    @property
    def sockets(self) -> tuple[ListeningSocket, ...]:
        """What listens in its network namespace.

        Raises:
            EngineError: The service does not answer, or nobody could look.
        """
        return self._boot.container.proc.listening_sockets(interpreter=self._interpreter)

    @property
    def process_status(self) -> Mapping[str, str]:
        """The fields of the first process's /proc/1/status; raises what ``sockets`` raises."""
        return self._boot.container.proc.status(interpreter=self._interpreter)

    @property
    def load(self) -> Answers:
        """What many clients at once were answered; raises what ``sockets`` raises."""
        return self._boot.load()

    @functools.cached_property
    def memory(self) -> Memory:
        """What its processes held after the load; raises what ``sockets`` raises."""
        _ = self.load
        return self._boot.container.proc.memory()

    @property
    def oom_killed(self) -> bool:
        """Whether it was ended for want of memory."""
        return self._boot.starting.state().oom_killed


def plainly(design: Design, *, emulated: bool) -> RunOptions:
    """How the image is run by whoever only wants to see it.

    Args:
        design: What says so.
        emulated: Whether an emulator runs it. Then it has the processors before others, and is probed less often while
            it boots: engines have an interval of its own for that, and what the design says of probes holds.
    """
    return RunOptions(
        health_check=HealthCheck(test=(), start_interval=_BETWEEN_PROBES) if emulated else None,
        publish=(Port(design.service.port),),
        # The engine judges by the designed start period, however busy the machine is.
        processor_share=Share.FIRST if emulated else None,
    )


def deployment(design: Design, *, emulated: bool) -> RunOptions:
    """How the image is run where it is deployed, but for its user: that one is to be seen as the image itself has it.

    Args:
        design: What says so.
        emulated: Whether an emulator runs it. What that takes for itself, and for every probe, comes on top of what the
            service has to make do with; the limit is then one that only ends a service which has long exceeded its own.
    """
    deployed = design.runtime.deployment
    return replace(
        plainly(design, emulated=emulated),
        environment=dict(deployed.env),
        read_only=True,
        cap_drop=("ALL",),
        security_options=("no-new-privileges",),
        tmpfs=dict(deployed.tmpfs),
        mounts=tuple(Mount(path) for path in deployed.volumes),
        memory=deployed.memory_mib * _MIB * (_EMULATED_MEMORY if emulated else 1),
    )
