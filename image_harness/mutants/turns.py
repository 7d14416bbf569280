"""When the next of many runs may start: so many at once, and one more while the processors have time to spare.

Checks of running containers wait for time limits again and again; which of them when, nobody can tell beforehand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import psutil

from image_harness.mutants.processes import ended_together

T = TypeVar("T")
U = TypeVar("U")

_LOOK = 1.0
# In percent of all processors; what a run needs to get on is left.
_SPARING = 60.0
# So many times as many while there is time to spare; no more, as each takes memory, too.
_MORE = 3
# So many looks in a row, and so long after the start of a run: it takes some time to get going.
_LOOKS = 5


def busy() -> float:
    """How busy processors were since this was asked last, in percent of all, but for what gives way to others."""
    times = psutil.cpu_times_percent()
    return 100 - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "nice", 0.0)


class Spare:
    """Whether this machine's processors have had time to spare for a while.

    Args:
        busy: How busy they were since it was called last, in percent of all.
    """

    def __init__(self, busy: Callable[[], float] = busy) -> None:
        self._busy = busy
        self._looks = 0

    def look(self) -> bool:
        """Look once more; to be called every second or so."""
        self._looks = self._looks + 1 if self._busy() <= _SPARING else 0
        return self._looks >= _LOOKS

    def spend(self) -> None:
        """Begin anew, as somebody takes what there was."""
        self._looks = 0


def in_turn(
    jobs: Sequence[Callable[[], T]], *, at_once: int, spare: Spare | None, beside: Callable[[], U]
) -> tuple[list[T], U]:
    """Do all jobs, started in this order; what they return, in the same, and what is returned by what goes on beside.

    Args:
        jobs: The jobs.
        at_once: How many go on at the same time in any case, and up to three times as many while there is time to
            spare.
        spare: Tells whether there is; None where nobody can tell.
        beside: What is done at the same time whatever the turn.

    Raises:
        HarnessError: A job, or what is done beside them, failed; the runs of the others were ended.
    """
    waiting, started = deque(jobs), list[Future[T]]()
    most = at_once * _MORE
    with ThreadPoolExecutor(most + 1, thread_name_prefix="turn") as threads, ended_together():
        other = threads.submit(beside)
        running: set[Future[Any]] = {other}
        while waiting or running:
            count = len(running - {other})
            if waiting and (count < at_once or (count < most and spare is not None and spare.look())):
                if spare is not None:
                    spare.spend()
                started.append(threads.submit(waiting.popleft()))
                running.add(started[-1])
                continue
            done, running = wait(running, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for job in done:
                job.result()
    return [job.result() for job in started], other.result()
