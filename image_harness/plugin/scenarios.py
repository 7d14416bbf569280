"""The circumstances that a service is observed under, made from the design and started side by side.

Under emulation a service takes seconds to come up, so its containers boot while other checks run. A start that ends
soon, or of which only the port counts, needs none of its own: a fork of the image's interpreter will do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from image_harness.design import Design
from image_harness.engine import (
    Clock,
    Engine,
    HealthStatus,
    Question,
    Reply,
    RunOptions,
    ServiceObservation,
    ServicePlan,
    observe_service,
)
from image_harness.plugin.interpreter import Interpreter
from image_harness.types import HealthCheck, Port

FALLBACK_PORT = "fallback-port"
WITHOUT_PYTHONPATH = "without-pythonpath"
OTHER_PORT = "other-port"
INVALID_SETTING = "invalid-setting"
PORT_TAKEN = "port-taken"

# Every probe is a start of an interpreter, which takes its time from the boot that it waits for: on a native machine
# some twentieth of this.
_WHILE_BOOTING = timedelta(seconds=0.5)
_WHILE_HANGING = timedelta(milliseconds=300)
# A service that was told to end waits for its requests as long as it was written to, however slow the machine is.
_URGENT = 4096


class Scenarios:
    """Observations of the image under the design's circumstances, each made once and kept.

    Args:
        engine: Where containers run.
        design: What the circumstances are made from.
        image: The image, as the engine knows it.
        clock: Scales time limits.
        interpreter: What the image's interpreter was asked: the starts that need no container of their own.
        pool: Runs the containers.
        files: What to bring along into each container, see ``RunOptions``.
    """

    def __init__(
        self,
        engine: Engine,
        design: Design,
        image: str,
        clock: Clock,
        interpreter: Callable[[], Interpreter],
        pool: ThreadPoolExecutor,
        files: bytes = b"",
    ) -> None:
        self._interpreter = interpreter
        self._starts = starts(design, clock)
        self._observed = {
            name: pool.submit(observe_service, engine, image, plan)
            for name, plan in plans(design, clock, files).items()
        }

    def service(self, name: str) -> ServiceObservation:
        """What a service did under the circumstances of this name.

        Raises:
            EngineError: The engine failed.
        """
        return self._observed[name].result()

    def other_port(self) -> Reply:
        """What the service did when both of its port variables were set, to different ports.

        Raises:
            EngineError: The engine failed.
        """
        return self._interpreter().reply(self._starts[OTHER_PORT])

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


def plans(design: Design, clock: Clock, files: bytes = b"") -> dict[str, ServicePlan]:
    """How to observe the service under each of the design's circumstances, by their names."""
    runtime, port = design.runtime, design.service.port
    boot, while_booting = clock.limit(runtime.answers_within), clock.limit(_WHILE_BOOTING)

    def plan(options: RunOptions, port: int) -> ServicePlan:
        return ServicePlan(
            options=options,
            port=Port(port),
            path=runtime.health_path,
            answer_limit=boot,
            interpreter=design.image.interpreter,
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
            test=(), interval=while_booting, start_interval=while_booting, start_period=timedelta(seconds=1)
        ),
        files=files,
        processor_share=_URGENT,
    )
    without_path = RunOptions(
        unset=("PYTHONPATH",),
        publish=(Port(port),),
        # Probed often once it is healthy, so that its hanging is noticed soon.
        health_check=HealthCheck(test=(), interval=_WHILE_HANGING, start_interval=while_booting, start_period=boot),
        files=files,
    )
    return {
        WITHOUT_PYTHONPATH: replace(plan(without_path, port), health=HealthStatus.HEALTHY, stall=True, signal="SIGINT"),
        FALLBACK_PORT: replace(
            plan(fallback, runtime.fallback_port),
            probe=design.health_check.test[1:],
            dependency=runtime.integration.program,
            dependency_limit=clock.limit(runtime.integration.notices_within),
            health=HealthStatus.UNHEALTHY,
            half_request=runtime.post_path,
            signal="SIGTERM",
        ),
    }


def starts(design: Design, clock: Clock) -> dict[str, Question]:
    """The starts of the service that end soon, or may be ended as soon as they serve, by name; ports by their slugs."""
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
        OTHER_PORT: start(
            environment={
                runtime.port_variable: str(runtime.other_port),
                runtime.port_fallback_variable: str(runtime.fallback_port),
            }
        ),
        PORT_TAKEN: start(taken_port=design.service.port),
        INVALID_SETTING: start(environment={setting.variable: setting.invalid}),
    }
