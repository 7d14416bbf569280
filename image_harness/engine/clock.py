"""Time limits that fit the machine: emulation makes everything slower, by a factor that is measured once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from image_harness.engine.errors import EngineError
from image_harness.engine.options import RunOptions
from image_harness.types import HealthCheck

if TYPE_CHECKING:
    from image_harness.engine.engine import Engine

# Start of a container and of an interpreter that imports what every service imports, on an idle native machine.
REFERENCE = timedelta(seconds=0.6)
_WORKLOAD = "import asyncio, json, ssl, sqlite3, email, decimal; sum(i * i for i in range(300_000))"
# Beyond this a machine is not slow but stuck, and a wait should say so.
MOST = 20.0
_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Clock:
    """Scales limits that were written for a native machine.

    Attributes:
        slowness: How many times slower than that this machine runs the image; what is below 1 counts as 1.
    """

    slowness: float = 1.0

    @property
    def factor(self) -> float:
        """What limits are multiplied with: from 1 to 20."""
        return min(max(self.slowness, 1.0), MOST)

    def limit(self, native: timedelta) -> timedelta:
        """The limit to wait here for what may take ``native`` on a native machine; never less than that."""
        return native * self.factor

    @classmethod
    def calibrate(cls, engine: Engine, image: str, *, interpreter: str = "/usr/bin/python3.11") -> Self:
        """Measure one container that runs a fixed piece of work with the image's own interpreter.

        Raises:
            EngineError: The image could not be run, or its interpreter failed.
        """
        options = RunOptions(
            entrypoint=(interpreter,), command=("-c", _WORKLOAD), network="none", health_check=HealthCheck.none()
        )
        start = time.monotonic()
        with engine.run(image, options) as container:
            exit_code = container.wait_exit(_PATIENCE)
            elapsed = timedelta(seconds=time.monotonic() - start)
            if exit_code != 0:
                raise EngineError(
                    f"the calibration ended with exit code {exit_code}: {container.logs(tail=3)}", where=image
                )
        return cls(elapsed / REFERENCE)
