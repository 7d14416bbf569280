"""The wiring of the small repository, and what tests of it change about a run: its time limits and its clock."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import time_machine

import image_harness.engine_api
import image_harness.image.daemon
from image_harness import Subject
from image_harness.image.bytecode import bytecode_archive
from image_harness.plugin.remembered import remembered
from image_harness.plugin.session import HarnessSession

ROOT = Path(__file__).parent

# Tests that let calls take too long have to wait for that.
if _LIMIT := os.environ.get("SMALL_LIMIT"):
    for module, name in ((image_harness.engine_api, "_REQUEST"), (image_harness.image.daemon, "_SILENCE")):
        setattr(module, name, timedelta(seconds=float(_LIMIT)))

# On the signal the clock of this process is set by so many seconds; what measures durations nobody can set.
if _STEP := float(os.environ.get("SMALL_CLOCK_STEP", "0")):
    _CLOCK = time_machine.travel(time.time(), tick=True).start()
    signal.signal(signal.SIGUSR1, lambda *_: _CLOCK.shift(_STEP))


# What is brought along where an emulator is slow is brought along here, too, so that what goes wrong with it is seen.
HarnessSession.bytecode = remembered(lambda session: bytecode_archive(session.image.filesystem))  # type: ignore[method-assign]
HarnessSession.bytecode.__set_name__(HarnessSession, "bytecode")


def pytest_image_harness_subject() -> Subject:
    """Introduce the small image."""
    return Subject(root=ROOT, design=ROOT / "design.yaml", checks=ROOT / "checks")
