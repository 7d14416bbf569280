"""Measures in a thread of its own, so that the event loop never waits for the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil

from resource_monitor.errors import ErrorKind, ServiceError
from resource_monitor.models import Measurement
from resource_monitor.sampling import Subject, measure

_LIMIT = timedelta(seconds=5)
_FIRST_INTERVAL = timedelta(seconds=0.1)


class Collector:
    """Runs one measuring pass at a time.

    Args:
        disk_path: The file system that is measured.
    """

    def __init__(self, disk_path: Path) -> None:
        self._disk_path = disk_path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sampler")

    async def measure(self, subjects: Sequence[Subject]) -> list[Measurement]:
        """Measure subjects in one pass, in their order.

        Raises:
            ServiceError: The kernel did not answer, or not in time, as with a file system that went away or hangs.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._thread, measure, subjects, self._disk_path)
        try:
            async with asyncio.timeout(_LIMIT.total_seconds()):
                return await work
        except TimeoutError:
            raise ServiceError(ErrorKind.NOT_READY, "measuring takes too long at the moment") from None
        except (OSError, psutil.Error) as error:
            raise ServiceError(ErrorKind.NOT_READY, "the host cannot be measured at the moment") from error

    async def measure_first(self, subject: Subject) -> Measurement:
        """Measure a subject that was never measured: twice, since a share of time needs two moments."""
        await self.measure([subject])
        await asyncio.sleep(_FIRST_INTERVAL.total_seconds())
        return (await self.measure([subject]))[0]

    def close(self) -> None:
        """Let the thread end when its pass does."""
        self._thread.shutdown(wait=False, cancel_futures=True)
