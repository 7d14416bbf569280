"""The circumstances that a service is observed under, made from the design and started side by side.

Under emulation a service takes seconds to come up, so its containers boot while other checks run, a few at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from image_harness.design import Design
from image_harness.engine import (
    Clock,
    Engine,
    HealthStatus,
    Mount,
    Question,
    Reply,
    RunOptions,
    ServiceObservation,
    ServicePlan,
    observe_service,
)
from image_harness.plugin.interpreter import Interpreter
from image_harness.types import HealthCheck, Port

DEPLOYED = "deployed"
OTHER_PORT = "other-port"
FALLBACK_PORT = "fallback-port"
WITHOUT_PYTHONPATH = "without-pythonpath"
INVALID_SETTING = "invalid-setting"
PORT_TAKEN = "port-taken"

_MIB = 1024 * 1024
_EMULATED_MEMORY = 2
_SHARED = "deployed-on-other-port"
_SHARING = (DEPLOYED, OTHER_PORT)
# Every probe is a start of an interpreter and takes time from the boot that it waits for.
_WHILE_BOOTING = timedelta(seconds=3)
_WHILE_HANGING = timedelta(milliseconds=300)


class Scenarios:
    """Observations of the image under the design's circumstances, each made once and kept.

    Under emulation a boot is what costs most, so circumstances that do not touch each other share a container: as
    deployed, and on another port. Should it not answer, each is tried by itself, so that the right one is blamed.

    Args:
        engine: Where containers run.
        design: What the circumstances are made from.
        image: The image, as the engine knows it.
        clock: Scales time limits.
        interpreter: What the image's interpreter was asked: the starts that are expected to fail.
        pool: Runs the containers.
    """

    def __init__(
        self,
        engine: Engine,
        design: Design,
        image: str,
        clock: Clock,
        interpreter: Callable[[], Interpreter],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._observe = functools.partial(observe_service, engine, image)
        self._interpreter = interpreter
        self._pool = pool
        self._plans = plans(design, clock, emulated=engine.emulates(design.image.platform))
        self._starts = starts(design, clock)
        self._observed = {name: self._submit(name) for name in (WITHOUT_PYTHONPATH, FALLBACK_PORT, _SHARED)}

    def service(self, name: str) -> ServiceObservation:
        """What a service did under the circumstances of this name.

        Raises:
            EngineError: The engine failed.
        """
        if name not in _SHARING:
            return self._observed[name].result()
        shared = self._observed[_SHARED].result()
        if shared.answer.answered:
            return shared
        if name not in self._observed:
            self._observed[name] = self._submit(name)
        return self._observed[name].result()

    def invalid_port(self, slug: str) -> Reply:
        """What the service did with an invalid port.

        Raises:
            EngineError: The engine failed.
        """
        return self._interpreter().reply(self._starts[slug])

    def invalid_setting(self) -> Reply:
        """What the service did with an invalid setting.

        Raises:
            EngineError: The engine failed.
        """
        return self._interpreter().reply(self._starts[INVALID_SETTING])

    def port_taken(self) -> Reply:
        """What the service did when another socket of its network namespace had its port.

        Raises:
            EngineError: The engine failed.
        """
        return self._interpreter().reply(self._starts[PORT_TAKEN])

    def _submit(self, name: str) -> Future[ServiceObservation]:
        return self._pool.submit(self._observe, self._plans[name])


def plans(design: Design, clock: Clock, *, emulated: bool) -> dict[str, ServicePlan]:
    """How to observe the service under each of the design's circumstances, by their names."""
    runtime, port = design.runtime, design.service.port
    boot = clock.limit(runtime.answers_within)

    def plan(options: RunOptions, port: int) -> ServicePlan:
        return ServicePlan(
            options=options,
            port=Port(port),
            path=runtime.health_path,
            answer_limit=boot,
            interpreter=design.image.interpreter,
        )

    other_port = RunOptions(
        environment={
            runtime.port_variable: str(runtime.other_port),
            runtime.port_fallback_variable: str(runtime.fallback_port),
        },
        publish=(Port(runtime.other_port),),
    )
    deployed = deployment(design, emulated=emulated)
    deployed_on_other_port = replace(
        deployed, environment={**deployed.environment, **other_port.environment}, publish=other_port.publish
    )
    fallback = RunOptions(
        environment={
            runtime.port_fallback_variable: str(runtime.fallback_port),
            runtime.integration.variable: runtime.integration.url,
        },
        unset=(runtime.port_variable,),
        publish=(Port(runtime.fallback_port),),
        # The probe fails from the start: how long it may is none of this scenario's business.
        health_check=HealthCheck(
            test=(), interval=_WHILE_BOOTING, start_interval=_WHILE_BOOTING, start_period=timedelta(seconds=1)
        ),
    )
    without_path = RunOptions(
        unset=("PYTHONPATH",),
        publish=(Port(port),),
        # Probed often once it is healthy, so that its hanging is noticed soon.
        health_check=HealthCheck(test=(), interval=_WHILE_HANGING, start_interval=_WHILE_BOOTING, start_period=boot),
    )
    return {
        _SHARED: replace(plan(deployed_on_other_port, runtime.other_port), clients=runtime.clients),
        DEPLOYED: replace(plan(deployed, port), clients=runtime.clients),
        OTHER_PORT: plan(other_port, runtime.other_port),
        FALLBACK_PORT: replace(
            plan(fallback, runtime.fallback_port),
            probe=design.health_check.test[1:],
            dependency=runtime.integration.program,
            dependency_limit=clock.limit(runtime.integration.notices_within),
            health=HealthStatus.UNHEALTHY,
            half_request=runtime.post_path,
            signal="SIGTERM",
        ),
        WITHOUT_PYTHONPATH: replace(plan(without_path, port), health=HealthStatus.HEALTHY, stall=True, signal="SIGINT"),
    }


def starts(design: Design, clock: Clock) -> dict[str, Question]:
    """The starts of the service that are expected to fail, by their names; ports by their slugs."""
    runtime, image = design.runtime, design.image
    start = functools.partial(
        Question.start,
        (*image.entrypoint, *image.cmd),
        interpreter=image.interpreter,
        limit=clock.limit(runtime.answers_within),
    )
    setting = runtime.configuration
    return {
        **{port.slug: start(environment={runtime.port_variable: port.value}) for port in runtime.invalid_ports},
        PORT_TAKEN: start(taken_port=design.service.port),
        INVALID_SETTING: start(environment={setting.variable: setting.invalid}),
    }


def deployment(design: Design, *, emulated: bool) -> RunOptions:
    """How the image is run where it is deployed.

    Args:
        design: What says so.
        emulated: Whether an emulator runs it. What that takes for itself, and for every probe, comes on top of what the
            service has to make do with; the limit is then one that only ends a service which has long exceeded its own.
    """
    deployed = design.runtime.deployment
    return RunOptions(
        environment=dict(deployed.env),
        user=design.image.user,
        read_only=True,
        cap_drop=("ALL",),
        security_options=("no-new-privileges",),
        tmpfs=dict(deployed.tmpfs),
        mounts=tuple(Mount(path) for path in deployed.volumes),
        memory=deployed.memory_mib * _MIB * (_EMULATED_MEMORY if emulated else 1),
        publish=(Port(design.service.port),),
    )
