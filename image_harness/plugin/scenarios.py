"""The circumstances that a service is observed under, made from the design and started side by side.

Under emulation a service takes seconds to come up, so its containers boot while other checks run. A start that ends
soon, or of which only the port counts, needs none of its own: a fork of the image's interpreter will do. And where it
does not matter how the interpreter came to its modules, the one that was asked becomes the service.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    Share,
    observe_service,
)
from image_harness.plugin.interpreter import Interpreter
from image_harness.types import HealthCheck, Port

OTHER_PORT = "other-port"
INVALID_SETTING = "invalid-setting"
PORT_TAKEN = "port-taken"

# Every probe is a start of an interpreter, which takes its time from the boot that it waits for: on a native machine
# some twentieth of this.
_WHILE_BOOTING = timedelta(seconds=0.5)
# Three of them come to the verdict that they are in vain, while the interpreter answers and the service comes up.
_IN_VAIN = timedelta(seconds=0.6)
_WHILE_HANGING = timedelta(milliseconds=300)


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
        self._without_path = pool.submit(observe_service, engine, image, without_pythonpath(design, clock, files))

    def without_pythonpath(self) -> ServiceObservation:
        """What the service did that was started without the image's PYTHONPATH.

        Raises:
            EngineError: The engine failed.
        """
        return self._without_path.result()

    def fallback_port(self) -> ServiceObservation:
        """What the service did with the fallback of its port variable alone, and with what it integrates come and gone.

        Raises:
            EngineError: The engine failed.
        """
        return self._interpreter().service

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


def without_pythonpath(design: Design, clock: Clock, files: bytes = b"") -> ServicePlan:
    """How to observe the service without the image's PYTHONPATH, made to hang for a while."""
    port, limit = Port(design.service.port), clock.limit(design.runtime.answers_within)
    return ServicePlan(
        options=RunOptions(
            unset=("PYTHONPATH",),
            publish=(port,),
            # Probed often once it is healthy, so that its hanging is noticed soon.
            health_check=HealthCheck(
                test=(), interval=_WHILE_HANGING, start_interval=clock.limit(_WHILE_BOOTING), start_period=limit
            ),
            files=files,
            # To hang and to recover takes longest, most of it spent waiting.
            processor_share=Share.SECOND,
        ),
        port=port,
        path=design.runtime.health_path,
        answer_within=clock.wait_limit(design.runtime.answers_within),
        interpreter=design.image.interpreter,
        health=HealthStatus.HEALTHY,
        stall=True,
        signal="SIGINT",
    )


def fallback_port(design: Design, clock: Clock, files: bytes = b"") -> ServicePlan:
    """How to observe the service on the fallback of its port variable, which its health check does not probe."""
    runtime, between = design.runtime, clock.limit(_IN_VAIN)
    port = Port(runtime.fallback_port)
    return ServicePlan(
        options=RunOptions(
            environment={
                runtime.port_fallback_variable: str(runtime.fallback_port),
                runtime.integration.variable: runtime.integration.url,
            },
            unset=(runtime.port_variable,),
            publish=(port,),
            # The probe fails from the start: how long it may is none of this scenario's business.
            health_check=HealthCheck(
                test=(), interval=between, start_interval=between, start_period=timedelta(seconds=1)
            ),
            files=files,
            # Told to end it waits for its requests as long as it was written to, however slow the machine is.
            processor_share=Share.SECOND,
        ),
        port=port,
        path=runtime.health_path,
        answer_within=clock.wait_limit(runtime.answers_within),
        interpreter=design.image.interpreter,
        probe=design.health_check.test[1:],
        dependency=runtime.integration.program,
        dependency_within=clock.wait_limit(runtime.integration.notices_within),
        health=HealthStatus.UNHEALTHY,
        half_request=runtime.post_path,
        signal="SIGTERM",
    )


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
