"""Time limits that fit the machine: emulation makes everything slower, by a factor that is measured once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from image_harness.engine.errors import EngineError
from image_harness.engine.logs import marked
from image_harness.engine.options import RunOptions
from image_harness.types import HealthCheck

if TYPE_CHECKING:
    from image_harness.engine.engine import Engine

_MARK = "took "
# What it takes a native machine of middling speed, and what an emulated one takes a second for. It imports nothing: an
# image without compiled modules would have them compiled, which takes longer than the measurement.
_WORKLOAD = f"""
import time
begin = time.monotonic()
sum(i * i for i in range(600_000))
print("{_MARK}", time.monotonic() - begin, sep="")
"""
REFERENCE = timedelta(seconds=0.08)
# Beyond this a machine is not slow but stuck, and a wait should say so.
MOST = 20.0
_PATIENCE = timedelta(minutes=2)
# Emulation makes nobody sleep longer, but a busy machine keeps those waiting longer who are slept for.
_ASLEEP = 3


@dataclass(frozen=True, slots=True)
class WaitLimit:
    """How long to wait for a container.

    Attributes:
        total: At most.
        idle: How much of that while it has nothing to do.
    """

    total: timedelta
    idle: timedelta


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

    def wait_limit(self, native: timedelta) -> WaitLimit:
        """The same for what need not be waited for as long where all its processes sleep."""
        return WaitLimit(self.limit(native), min(self.limit(native), native * _ASLEEP))

    @classmethod
    def calibrate(cls, engine: Engine, image: str, *, interpreter: str = "/usr/bin/python3.11") -> Self:
        """Have the image's own interpreter do a fixed piece of work in a container, and measure that.

        Raises:
            EngineError: The image could not be run, or its interpreter failed.
        """
        options = RunOptions(
            entrypoint=(interpreter,),
            command=("-c", _WORKLOAD),
            network="none",
            health_check=HealthCheck.none(),
        )
        with engine.run(image, options) as container:
            exit_code = container.wait_exit(_PATIENCE)
            output = container.logs()
            if exit_code != 0:
                raise EngineError(
                    f"the calibration ended with exit code {exit_code}: {output.strip()[-400:]}", where=image
                )
        return cls(taken(output) / REFERENCE)


def taken(output: str) -> timedelta:
    """How long the piece of work took, by what it printed.

    Raises:
        EngineError: It printed something else.
    """
    try:
        return timedelta(seconds=float(marked(output, _MARK) or ""))
    except (ValueError, OverflowError):
        raise EngineError(f"the calibration printed no time: {output[-200:]!r}") from None
