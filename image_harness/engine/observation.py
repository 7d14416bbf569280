"""What a container does under given circumstances, observed from start to end and kept as data.

A service that dies or never answers is a finding about the image; an engine that fails is not, and raises.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar, cast

from image_harness.engine.arrival import await_request, await_signal
from image_harness.engine.asking import json_object
from image_harness.engine.clock import Clock, WaitLimit
from image_harness.engine.container import Container, StopResult
from image_harness.engine.dependency import DependencyObservation, observe_dependency
from image_harness.engine.engine import Engine
from image_harness.engine.errors import ContainerDied, ContainerLost, EngineError, WaitExpired
from image_harness.engine.execution import CommandResult
from image_harness.engine.options import RunOptions
from image_harness.engine.patience import Belated
from image_harness.engine.procfs import ListeningSocket
from image_harness.engine.stall import Stall, observe_stall
from image_harness.engine.state import Health, HealthStatus
from image_harness.engine.traffic import HalfRequest
from image_harness.types import Port

T = TypeVar("T")

_KILLED_AFTER = timedelta(seconds=10)
_AT_ONCE = WaitLimit(timedelta(), timedelta())
# What a signal takes to be heeded, also by an emulated program on a busy machine.
_HEEDED_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a service answered over HTTP.

    Attributes:
        answered: Whether it did, with status 200 and in time.
        reason: Why it did not: how it ended and what it logged.
        body: The answer as JSON, where it is a JSON object.
    """

    answered: bool
    reason: str = ""
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """How to observe a service that is expected to come up.

    Attributes:
        options: How its container runs.
        port: Where it should answer.
        path: What to ask for.
        answer_within: How long to wait for the answer.
        interpreter: The image's Python.
        probe: A command to run inside once it answers.
        health: What the engine is expected to call it in the end; None does not wait for that.
        stall: Whether it is made to hang for a while.
        dependency: A program of this machine which the service uses, and which comes and goes.
        dependency_within: How long the service may take to notice, each time.
        half_request: A path to post to; the request is complete only after the signal.
        signal: What to end it with; None leaves it to be removed.
    """

    options: RunOptions
    port: Port
    path: str
    answer_within: WaitLimit
    interpreter: str
    probe: tuple[str, ...] | None = None
    health: HealthStatus | None = None
    stall: bool = False
    dependency: tuple[str, ...] = ()
    dependency_within: WaitLimit = _AT_ONCE
    half_request: str | None = None
    signal: str | None = None


class Seen(Generic[T]):
    """What somebody looked for in a container: what was there, or why nobody could look.

    Args:
        look: Looks.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self._found: T | None = None
        self._problem: EngineError | None = None
        try:
            self._found = look()
        except EngineError as error:
            self._problem = error
        except OSError as error:
            self._problem = EngineError(f"{type(error).__name__}: {error}")

    @property
    def value(self) -> T:
        """What was there.

        Raises:
            EngineError: Nobody could look.
        """
        if self._problem is not None:
            raise self._problem
        return cast("T", self._found)


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """What came of a request that was complete only after its service was told to end.

    Attributes:
        status: The answer's; None when there was none.
        complete_after: From the signal until the rest of the request was sent.
        over_after: From the signal until the answer, or the end of the connection without one.
    """

    status: int | None
    complete_after: timedelta
    over_after: timedelta

    def require_chance(self, stop_within: timedelta, clock: Clock) -> None:
        """Make sure that no answer is the service's fault.

        A service has to end in time itself, by a clock that no emulation slows down: half of that time it can be
        expected to wait for its requests. What gives up later may have had too little of it to answer, when the rest
        of the request came late or the machine is slow. What neither answers nor ends has had its chance.

        Args:
            stop_within: How soon after the signal the service has to end, on a native machine.
            clock: How slow this one is.

        Raises:
            EngineError: There is no answer, and that may not be the service's fault.
        """
        patience = stop_within / 2
        at_once = self.over_after < patience
        outlasted = self.over_after - self.complete_after > clock.limit(stop_within)
        if self.status is not None or at_once or outlasted:
            return
        if self.complete_after < patience and clock.factor == 1:
            return
        raise EngineError(
            f"no answer {_seconds(self.over_after)} after the signal, which may be this machine's fault: the request "
            f"was complete only {_seconds(self.complete_after)} after it, the service has to end within "
            f"{_seconds(stop_within)}, and the machine takes {clock.factor:.1f} times as long as a native one",
            where="a request under way",
        )


@dataclass(frozen=True, slots=True)
class ServiceObservation:
    """What a service did; what was not looked for, or could not be since it did not answer, raises when asked for.

    Attributes:
        port: Where it was asked to answer.
        answer: Whether it answered.
        sockets: What listens in its network namespace.
        probe: How the plan's command ended.
        health: The engine's health record when it called the container what the plan expects, or at the limit.
        stall: What the engine made of its hanging.
        dependency: What it said while what it uses was absent, came, and went.
        late_answer: What came of a request that was complete only after the signal.
        stop: How it ended when it was told to.
    """

    port: Port
    answer: Answer
    sockets: Seen[tuple[ListeningSocket, ...]]
    probe: Seen[CommandResult]
    health: Seen[Health]
    stall: Seen[Stall]
    dependency: Seen[DependencyObservation]
    late_answer: Seen[LateAnswer]
    stop: Seen[StopResult]


def wait_for_answer(container: Container, path: str, limit: WaitLimit, *, port: Port) -> Answer:
    """Wait until a service that has just been started answers.

    Raises:
        EngineError: The engine failed.
    """
    try:
        response = container.wait_for_http(
            path, limit.total, port=port, idle=limit.idle, in_vain=Belated(container.age).is_over
        )
    except (ContainerDied, WaitExpired) as error:
        return Answer(answered=False, reason=str(error))
    return Answer(answered=True, body=json_object(response.content))


def observe_service(engine: Engine, image: str, plan: ServicePlan) -> ServiceObservation:
    """Run a service, look at it, end it.

    Raises:
        EngineError: The engine failed to run it.
    """
    with engine.run(image, plan.options) as container:
        return observe_started(container, plan)


def observe_started(container: Container, plan: ServicePlan) -> ServiceObservation:
    """Look at a service whose container has been started, and end it.

    Args:
        container: Its container.
        plan: How to observe it; how its container was to run is of the past.

    Raises:
        EngineError: The engine failed.
    """
    answer = wait_for_answer(container, plan.path, plan.answer_within, port=plan.port)
    visit = _Visit(container, plan, answer)
    return ServiceObservation(
        plan.port,
        answer,
        sockets=visit.look(lambda: container.proc.listening_sockets(interpreter=plan.interpreter)),
        probe=visit.look(lambda: container.run(plan.probe or ()), planned=bool(plan.probe)),
        dependency=visit.look(visit.dependency, planned=bool(plan.dependency)),
        health=visit.look(visit.health, planned=plan.health is not None),
        stall=visit.look(visit.stall, planned=plan.stall),
        late_answer=visit.look(visit.end_within_a_request, planned=plan.half_request is not None),
        stop=visit.look(visit.stop, planned=plan.signal is not None),
    )


class _Visit:
    """What is done to a service that answers, one step after the other."""

    def __init__(self, container: Container, plan: ServicePlan, answer: Answer) -> None:
        self._container = container
        self._plan = plan
        self._answer = answer
        self._told: float | None = None
        self._refused: EngineError | None = None
        self._failed_before = self.look(
            lambda: container.state().health.failing_streak, planned=plan.health is HealthStatus.UNHEALTHY
        )

    def look(self, step: Callable[[], T], *, planned: bool = True) -> Seen[T]:
        """Take a step, unless the service does not answer or the step is not in the plan."""

        def taken() -> T:
            if not planned:
                raise EngineError("was not looked for under these circumstances", where=self._container.name)
            if not self._answer.answered:
                raise ContainerLost(f"the service did not answer: {self._answer.reason}", where=self._container.name)
            return step()

        return Seen(taken)

    def health(self) -> Health:
        expected, limit = self._plan.health or HealthStatus.HEALTHY, self._plan.answer_within.total
        with contextlib.suppress(WaitExpired):
            self._container.wait_for_health(expected, limit, answers=lambda: True)
        if expected is HealthStatus.UNHEALTHY:
            self._container.wait_until(self._probed, limit, lambda: "probe since the service answers")
        return self._container.state().health

    def _probed(self) -> Health | None:
        """Return the health once it is known what a probe made of the service, and not only of its absence.

        Of two that failed since the service answers, the first may have begun before.
        """
        health = self._container.state().health
        failed = health.failing_streak >= self._failed_before.value + 2
        return health if failed or health.status is not HealthStatus.UNHEALTHY else None

    def stall(self) -> Stall:
        health = self._container.state().health.status
        if health is not HealthStatus.HEALTHY:
            raise EngineError(
                f"never became healthy ({health}), so it cannot be made to hang", where=self._container.name
            )
        return observe_stall(self._container, self._plan.port, self._plan.answer_within.total)

    def dependency(self) -> DependencyObservation:
        plan = self._plan
        return observe_dependency(self._container, plan.port, plan.path, plan.dependency, plan.dependency_within)

    def end_within_a_request(self) -> LateAnswer:
        """Send the signal while a request is under way, then the request's rest."""
        address = self._container.address(self._plan.port)
        with HalfRequest(address, self._plan.half_request or "", self._plan.answer_within.total) as half:
            await_request(self._container, self._plan.port, self._plan.answer_within.total)
            # A service that was told to end waits for its requests, but not long: what needs no hurry comes after.
            told = self._send_signal()
            await_signal(self._container, self._plan.port, _HEEDED_WITHIN)
            complete = time.monotonic()
            status = half.finish()
            over = time.monotonic()
        self._require_signalled()
        return LateAnswer(status, timedelta(seconds=complete - told), timedelta(seconds=over - told))

    def stop(self) -> StopResult:
        """Send the signal if that is still to be done; what does not end on it is killed, which its exit code shows."""
        if self._refused is not None:
            raise self._refused
        told = self._told
        if told is None:
            told = self._send_signal()
            self._require_signalled()
        try:
            exit_code = self._container.wait_exit(_KILLED_AFTER)
        except WaitExpired:
            self._container.signal("SIGKILL")
            exit_code = self._container.wait_exit(_KILLED_AFTER)
        return StopResult(exit_code, timedelta(seconds=time.monotonic() - told))

    def _send_signal(self) -> float:
        self._told = time.monotonic()
        with self._remembering_refusal():
            self._container.send_signal(self._plan.signal or "")
        return self._told

    def _require_signalled(self) -> None:
        with self._remembering_refusal():
            self._container.require_signalled(self._plan.signal or "")

    @contextlib.contextmanager
    def _remembering_refusal(self) -> Iterator[None]:
        try:
            yield
        except EngineError as error:
            self._refused = error
            raise


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.1f} s"
