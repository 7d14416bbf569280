"""The memory of a container's processes, without what an emulator takes for itself."""

from __future__ import annotations

import mmap
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from image_harness.engine import Container, ContainerLost
from image_harness.engine.memory import Memory, parse_memory, read_memory
from tests.engine.conftest import BOOT_LIMIT

KIB = 1024
MIB = 1024 * KIB
EMULATED = """\
00400000-00916000 r--p 00000000 00:35 12                         /usr/bin/python3.11
Size:               5208 kB
Rss:                 300 kB
Pss:                 300 kB
00a5f000-01998000 rw-p 00000000 00:00 0
Rss:                1000 kB
55558d194000-55558d6e3000 rw-p 00000000 00:00 0                          [heap]
Rss:                  50 kB
7f4b0c000000-7f4b13fff000 rwxp 00000000 00:00 0
Rss:                 400 kB
7f4b1ba60000-7f4b1bf8d000 r-xp 00000000 00:00 7                          /usr/bin/qemu-aarch64
Rss:                  20 kB
7f4b1ba61000-7f4b1bf8e000 rw-s 00000000 00:00 7                          /memfd:tcg-jit (deleted)
Rss:                   3 kB
7ffd0-7ffd1 rw-p 00000000 00:00 0                          [stack]
Rss:                   1 kB
"""


def test_what_an_emulator_takes_is_told_apart_from_what_the_program_holds() -> None:
    memory = parse_memory(EMULATED)
    assert memory == Memory(1774 * KIB, 474 * KIB)
    assert memory.program == 1300 * KIB


def test_a_native_program_holds_all_of_it() -> None:
    assert parse_memory(EMULATED.replace("/usr/bin/qemu-aarch64", "/usr/bin/other")).emulator == 0


def test_this_very_process_is_measured() -> None:
    own = Path("/proc/self/smaps")
    size, page = 32 * KIB * KIB, os.urandom(KIB)
    # Not from the allocator, which may have kept as much from the tests before.
    with mmap.mmap(-1, size) as held:
        before = parse_memory(own.read_text())
        while held.tell() < size:
            held.write(page)
        after = parse_memory(own.read_text())
    assert size <= after.program - before.program < 2 * size
    assert after.emulator == 0


def test_a_process_that_has_ended_is_lost() -> None:
    with pytest.raises(ContainerLost):
        read_memory(2**22 + 1)


@pytest.fixture
def answering(container: Container) -> Container:
    """The container, its service started: before, it takes ever more, and its health check only connects."""
    container.wait_for_http("/health", BOOT_LIMIT)
    return container


@pytest.mark.engine
def test_an_emulated_container_takes_memory_for_its_emulator(answering: Container) -> None:
    memory = answering.proc.service_memory()
    assert 0 < memory.program < memory.resident
    assert memory.emulator > 10 * 1024 * KIB


@pytest.mark.engine
def test_the_memory_of_a_service_is_without_what_an_engine_runs_beside_it(answering: Container) -> None:
    alone = answering.proc.service_memory()
    sleeping = ["/usr/bin/python3.11", "-c", "import time; held = bytes(range(256)) * 131072; time.sleep(20)"]
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(answering.run, sleeping)
        deadline = time.monotonic() + 15
        while answering.proc.memory().program < alone.program + 16 * MIB and time.monotonic() < deadline:
            time.sleep(0.2)
        every, service = answering.proc.memory(), answering.proc.service_memory()
        for process in answering.proc.processes():
            if "held" in " ".join(process.argv):
                os.kill(process.host_pid, signal.SIGKILL)
        beside.result()
    assert every.program > alone.program + 16 * MIB
    assert abs(service.program - alone.program) < 4 * MIB
