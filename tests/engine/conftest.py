"""A real engine, and one container of the real image for all tests of a module that only look.

It ends with the module: emulated, its probes alone keep a good part of a core busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from image_harness.engine import Container, Engine, EngineError, RunOptions
from image_harness.types import HealthCheck, Port

IMAGE = "pickme/lucid-rdp-monitor:latest-arm64"
# Waits end as soon as they can: this is only how long a machine may be busy with other things.
BOOT_LIMIT = timedelta(minutes=5)
FAST_HEALTH = HealthCheck(
    test=(),
    interval=timedelta(seconds=10),
    timeout=timedelta(seconds=10),
    start_period=BOOT_LIMIT,
    start_interval=timedelta(seconds=1),
    retries=2,
)


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    try:
        connected = Engine.connect("docker")
    except EngineError as error:
        pytest.fail(str(error))
    with connected:
        if not connected.image_exists(IMAGE):
            pytest.fail(f"{IMAGE} is not built")
        yield connected


@pytest.fixture(scope="module")
def container(engine: Engine) -> Iterator[Container]:
    options = RunOptions(
        environment={"ADDED": "a=b"}, unset=("LANG",), publish=(Port(8093),), health_check=FAST_HEALTH, read_only=True
    )
    with engine.run(IMAGE, options) as running:
        yield running
