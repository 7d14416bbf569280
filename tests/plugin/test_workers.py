"""A worker does not outlive its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from image_harness.engine.ownership import start_ticks

_WORKER = """
import time
from image_harness.plugin.workers import end_with_parent
end_with_parent()
print(flush=True)
time.sleep(60)
"""
_PARENT = f"""
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", {_WORKER!r}], stdout=subprocess.PIPE)
worker.stdout.readline()
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        started = start_ticks(worker)
        assert started is not None
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while start_ticks(worker) == started:
        assert time.monotonic() < deadline
        time.sleep(0.05)
