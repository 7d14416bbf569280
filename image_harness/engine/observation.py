"""What a container does under given circumstances, observed from start to end and kept as data.

A service that dies or never answers is a finding about the image; an engine that fails is not, and raises.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from image_harness.engine.container import Container, StopResult
from image_harness.engine.dependency import DependencyObservation, observe_dependency
from image_harness.engine.engine import Engine
from image_harness.engine.errors import ContainerDied, WaitExpired
from image_harness.engine.execution import CommandResult
from image_harness.engine.options import RunOptions
from image_harness.engine.procfs import ListeningSocket, ProcessFacts
from image_harness.engine.stall import Stall, observe_stall
from image_harness.engine.state import Health, HealthStatus
from image_harness.engine.traffic import Answers, HalfRequest, ask_at_once
from image_harness.types import HealthCheck, Port

_KILLED_AFTER = timedelta(seconds=10)
# What a request or a signal takes to be seen, also by an emulated program on a busy machine.
_ARRIVES = timedelta(milliseconds=500)


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
        answer_limit: How long to wait for the answer.
        interpreter: The image's Python.
        probe: A command to run inside once it answers.
        health: What the engine is expected to call it in the end; None does not wait for that.
        clients: How many clients ask at once.
        stall: Whether it is made to hang for a while.
        dependency: A program of this machine which the service uses, and which comes and goes.
        half_request: A path to post to; the request is complete only after the signal.
        signal: What to end it with; None leaves it to be removed.
    """

    options: RunOptions
    port: Port
    path: str
    answer_limit: timedelta
    interpreter: str
    probe: tuple[str, ...] | None = None
    health: HealthStatus | None = None
    clients: int = 0
    stall: bool = False
    dependency: tuple[str, ...] = ()
    half_request: str | None = None
    signal: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceObservation:
    """What a service did. Everything after ``answer`` is empty when it did not answer.

    Attributes:
        answer: Whether it answered.
        health_check: The health check that the engine holds for the container.
        processes: Its processes.
        sockets: What listens in its network namespace.
        process_status: The fields of the first process's /proc/1/status.
        probe: How the plan's command ended.
        health: The engine's health record when it called the container what the plan expects, or at the limit.
        load: What the plan's many clients were answered.
        stall: What the engine made of its hanging.
        dependency: What it said while what it uses was absent, came, and went.
        late_answer: The status of the answer to a request that was complete only after the signal.
        stop: How it ended when it was told to.
        oom_killed: Whether it was ended for want of memory.
    """

    answer: Answer
    health_check: HealthCheck | None = None
    processes: tuple[ProcessFacts, ...] = ()
    sockets: tuple[ListeningSocket, ...] = ()
    process_status: Mapping[str, str] | None = None
    probe: CommandResult | None = None
    health: Health | None = None
    load: Answers | None = None
    stall: Stall | None = None
    dependency: DependencyObservation | None = None
    late_answer: int | None = None
    stop: StopResult | None = None
    oom_killed: bool = False


@dataclass(frozen=True, slots=True)
class ExitObservation:
    """What a container did that is expected to end of itself.

    Attributes:
        exit_code: What it ended with; None when it still ran when the time was up.
        logs: What it wrote to stdout and stderr.
    """

    exit_code: int | None
    logs: str


def wait_for_answer(container: Container, path: str, limit: timedelta, *, port: Port) -> Answer:
    """Wait until a service answers.

    Raises:
        EngineError: The engine failed.
    """
    try:
        response = container.wait_for_http(path, limit, port=port)
    except (ContainerDied, WaitExpired) as error:
        return Answer(answered=False, reason=str(error))
    return Answer(answered=True, body=_json_object(response.content))


def observe_service(engine: Engine, image: str, plan: ServicePlan) -> ServiceObservation:
    """Run a service, look at it, end it.

    Raises:
        EngineError: The engine failed.
    """
    with engine.run(image, plan.options) as container:
        answer = wait_for_answer(container, plan.path, plan.answer_limit, port=plan.port)
        if not answer.answered:
            return ServiceObservation(answer, oom_killed=container.state().oom_killed)
        address = container.address(plan.port)
        observed = ServiceObservation(
            answer,
            health_check=container.health_check(),
            processes=container.proc.processes(),
            sockets=container.proc.listening_sockets(interpreter=plan.interpreter),
            process_status=container.proc.status(interpreter=plan.interpreter),
            probe=container.run(plan.probe) if plan.probe else None,
            health=_health(container, plan.health, plan.answer_limit) if plan.health else None,
            load=ask_at_once(address, plan.path, plan.clients, plan.answer_limit) if plan.clients else None,
            stall=observe_stall(container, plan.port, plan.answer_limit) if plan.stall else None,
            dependency=_dependency(container, plan),
            oom_killed=container.state().oom_killed,
        )
        return _ended(observed, container, plan) if plan.signal else observed


def observe_exit(engine: Engine, image: str, options: RunOptions, limit: timedelta) -> ExitObservation:
    """Run a container that is expected to end.

    Raises:
        EngineError: The engine failed.
    """
    with engine.run(image, options) as container:
        try:
            exit_code: int | None = container.wait_exit(limit)
        except WaitExpired:
            exit_code = None
        return ExitObservation(exit_code, container.logs())


def _health(container: Container, expected: HealthStatus, limit: timedelta) -> Health:
    with contextlib.suppress(WaitExpired):
        return container.wait_for_health(expected, limit).health
    return container.state().health


def _dependency(container: Container, plan: ServicePlan) -> DependencyObservation | None:
    if not plan.dependency:
        return None
    return observe_dependency(container, plan.port, plan.path, plan.dependency, plan.answer_limit)


def _ended(observed: ServiceObservation, container: Container, plan: ServicePlan) -> ServiceObservation:
    """Send the plan's signal; what does not end on it is killed, which its exit code then shows."""
    with contextlib.ExitStack() as stack:
        half = None
        if plan.half_request:
            address = container.address(plan.port)
            half = stack.enter_context(HalfRequest(address, plan.half_request, plan.answer_limit))
            time.sleep(_ARRIVES.total_seconds())
        start = time.monotonic()
        container.signal(plan.signal or "")
        late = None
        if half is not None:
            time.sleep(_ARRIVES.total_seconds())
            late = half.finish()
        try:
            exit_code = container.wait_exit(_KILLED_AFTER)
        except WaitExpired:
            container.signal("SIGKILL")
            exit_code = container.wait_exit(_KILLED_AFTER)
    stop = StopResult(exit_code, timedelta(seconds=time.monotonic() - start))
    return replace(observed, late_answer=late, stop=stop)


def _json_object(content: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
