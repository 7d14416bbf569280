"""How long a container has had nothing to do while somebody waited for it.

Emulation and a busy machine make work slower, and never the time that a program sleeps. So what sleeps all the time is
not waited for as long as what works.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from image_harness.engine.errors import ContainerLost
from image_harness.engine.procfs import PROC, are_asleep, is_container_process


class Rest:
    """The time in which all processes of a container slept, as far as it was looked at.

    Args:
        pid: Its first process, as this machine numbers it; of an engine elsewhere nothing is ever known.
        container_id: What the engine calls it.
        proc: Where the processes are read.

    Attributes:
        total: How long.
    """

    def __init__(self, pid: int, container_id: str, proc: Path = PROC) -> None:
        self._pid = pid
        self._id = container_id
        self._proc = proc
        self.total = timedelta()

    def add(self, pause: timedelta) -> None:
        """Take a pause that has just ended for one of the container as well, if it sleeps now.

        Args:
            pause: How long it was meant to be: a machine that is too busy to end it in time may be so for others, too.
        """
        if self._sleeps():
            self.total += pause

    def _sleeps(self) -> bool:
        if not is_container_process(self._pid, self._id, self._proc):
            return False
        try:
            return are_asleep(self._pid, self._proc)
        except ContainerLost:
            return False
