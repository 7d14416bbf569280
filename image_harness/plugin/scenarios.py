"""The circumstances that a service is observed under, made from the design and started side by side.

Under emulation a service takes seconds to come up, so its containers boot while other checks run, a few at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from image_harness.design import Design
from image_harness.engine import (
    Clock,
    Engine,
    ExitObservation,
    HealthStatus,
    Mount,
    RunOptions,
    ServiceObservation,
    ServicePlan,
    observe_exit,
    observe_service,
)
from image_harness.plugin.running import often
from image_harness.types import Port

T = TypeVar("T")

DEPLOYED = "deployed"
OTHER_PORT = "other-port"
FALLBACK_PORT = "fallback-port"
WITHOUT_PYTHONPATH = "without-pythonpath"
INVALID_SETTING = "invalid-setting"
PORT_TAKEN = "port-taken"

# Takes a port, then becomes the image's own program.
_TAKE_PORT = """
import os, socket, sys
taken = socket.socket()
taken.bind(("0.0.0.0", int(sys.argv[1])))
taken.listen()
taken.set_inheritable(True)
os.execv(sys.argv[2], sys.argv[2:])
"""

_MIB = 1024 * 1024
# As many boots at once as the machines have cores: more would only make each of them slower.
_AT_ONCE = 2


class Scenarios:
    """Observations of the image under the design's circumstances, each made once and kept.

    Args:
        engine: Where containers run.
        design: What the circumstances are made from.
        image: The image, as the engine knows it.
        clock: Scales time limits.
    """

    def __init__(self, engine: Engine, design: Design, image: str, clock: Clock) -> None:
        self._engine = engine
        self._design = design
        self._image = image
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="scenario")
        self._services = {name: self._submit_service(plan) for name, plan in self._plans().items()}
        self._exits = {name: self._submit_exit(options) for name, options in self._endings().items()}

    def service(self, name: str) -> ServiceObservation:
        """What a service did under the circumstances of this name.

        Raises:
            EngineError: The engine failed.
        """
        return self._services[name].result()

    def invalid_port(self, slug: str) -> ExitObservation:
        """What the service did with an invalid port.

        Raises:
            EngineError: The engine failed.
        """
        return self._exits[slug].result()

    def invalid_setting(self) -> ExitObservation:
        """What the service did with an invalid setting.

        Raises:
            EngineError: The engine failed.
        """
        return self._exits[INVALID_SETTING].result()

    def port_taken(self) -> ExitObservation:
        """What the service did when another socket of its network namespace had its port.

        Raises:
            EngineError: The engine failed.
        """
        return self._exits[PORT_TAKEN].result()

    def close(self) -> None:
        """Start nothing more, and wait until what was started has been removed."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit_service(self, plan: ServicePlan) -> Future[ServiceObservation]:
        return self._submit(functools.partial(observe_service, self._engine, self._image, plan))

    def _submit_exit(self, options: RunOptions) -> Future[ExitObservation]:
        limit = self._limit(self._design.runtime.answers_within)
        return self._submit(functools.partial(observe_exit, self._engine, self._image, options, limit))

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        return self._pool.submit(work)

    def _limit(self, native: timedelta) -> timedelta:
        return self._clock.limit(native)

    def _plan(self, options: RunOptions, port: int) -> ServicePlan:
        return ServicePlan(
            options=options,
            port=Port(port),
            path=self._design.runtime.health_path,
            answer_limit=self._limit(self._design.runtime.answers_within),
            interpreter=self._design.image.interpreter,
        )

    def _plans(self) -> dict[str, ServicePlan]:
        runtime, port = self._design.runtime, self._design.service.port
        other_port = RunOptions(
            environment={
                runtime.port_variable: str(runtime.other_port),
                runtime.port_fallback_variable: str(runtime.fallback_port),
            },
            publish=(Port(runtime.other_port),),
            # The probe fails from the start: how long it may is none of this scenario's business.
            health_check=often(start_period=timedelta(seconds=1)),
        )
        without_path = RunOptions(
            unset=("PYTHONPATH",),
            publish=(Port(port),),
            health_check=often(start_period=self._limit(runtime.answers_within)),
        )
        fallback = RunOptions(
            environment={
                runtime.port_fallback_variable: str(runtime.fallback_port),
                runtime.integration.variable: runtime.integration.url,
            },
            unset=(runtime.port_variable,),
            publish=(Port(runtime.fallback_port),),
        )
        return {
            WITHOUT_PYTHONPATH: replace(
                self._plan(without_path, port), health=HealthStatus.HEALTHY, stall=True, signal="SIGINT"
            ),
            OTHER_PORT: replace(
                self._plan(other_port, runtime.other_port),
                probe=self._design.health_check.test[1:],
                health=HealthStatus.UNHEALTHY,
                half_request=runtime.post_path,
                signal="SIGTERM",
            ),
            DEPLOYED: replace(self._plan(deployment(self._design), port), clients=runtime.clients),
            FALLBACK_PORT: replace(self._plan(fallback, runtime.fallback_port), dependency=runtime.integration.program),
        }

    def _endings(self) -> dict[str, RunOptions]:
        runtime = self._design.runtime
        endings = {
            port.slug: RunOptions(environment={runtime.port_variable: port.value}, network="none")
            for port in runtime.invalid_ports
        }
        setting = runtime.configuration
        image = self._design.image
        program = (image.interpreter, "-c", _TAKE_PORT, str(self._design.service.port), *image.entrypoint, *image.cmd)
        endings[PORT_TAKEN] = RunOptions(entrypoint=program[:1], command=program[1:], network="none")
        endings[INVALID_SETTING] = RunOptions(environment={setting.variable: setting.invalid}, network="none")
        return endings


def deployment(design: Design) -> RunOptions:
    """How the image is run where it is deployed."""
    deployed = design.runtime.deployment
    return RunOptions(
        environment=dict(deployed.env),
        user=design.image.user,
        read_only=True,
        cap_drop=("ALL",),
        security_options=("no-new-privileges",),
        tmpfs=dict(deployed.tmpfs),
        mounts=tuple(Mount(path) for path in deployed.volumes),
        memory=deployed.memory_mib * _MIB,
        publish=(Port(design.service.port),),
    )
