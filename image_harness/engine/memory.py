"""The memory that a container's processes hold, and how much of it is the emulator's that runs them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from image_harness.engine.errors import ContainerLost
from image_harness.engine.procfs import PROC, ProcessFacts, read_processes, read_service

# The first line of a mapping in /proc/[pid]/smaps, see proc(5).
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (?P<permissions>\S{4}) \S+ \S+ \S+ *(?P<path>.*)$")
# An emulated program's own heap and stack are anonymous mappings: what the kernel calls so is the emulator's.
_EMULATORS_OWN = ("[heap]", "[stack]")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in bytes.

    Attributes:
        resident: All of it.
        emulator: What of it an emulator takes for itself: its code, its heap, and the translated program.
    """

    resident: int
    emulator: int

    @property
    def program(self) -> int:
        """What the program itself holds, as it would on a machine of its own architecture."""
        return self.resident - self.emulator


def read_memory(first: int, proc: Path = PROC) -> Memory:
    """The memory of all processes of a container, whose first one this is.

    Raises:
        ContainerLost: That process has ended, or may not be looked at.
    """
    return _sum(first, read_processes(first, proc), proc)


def read_service_memory(first: int, proc: Path = PROC) -> Memory:
    """The memory of a container's first process and of all that it has started.

    Raises:
        ContainerLost: That process has ended, or may not be looked at.
    """
    return _sum(first, read_service(first, proc), proc)


def _sum(first: int, processes: Iterable[ProcessFacts], proc: Path) -> Memory:
    found = []
    for process in processes:
        try:
            found.append(parse_memory((proc / str(process.host_pid) / "smaps").read_text(errors="replace")))
        except OSError as error:
            if process.host_pid == first:
                raise ContainerLost(f"the memory of the first process cannot be read: {error.strerror}") from error
    return Memory(sum(memory.resident for memory in found), sum(memory.emulator for memory in found))


def parse_memory(smaps: str) -> Memory:
    """Add up the text of a process's /proc/[pid]/smaps."""
    resident = own = 0
    emulated = "/qemu-" in smaps
    counts = False
    for line in smaps.splitlines():
        mapping = _MAPPING.match(line)
        if mapping is not None:
            counts = emulated and _is_emulators(mapping["permissions"], mapping["path"])
        elif line.startswith("Rss:"):
            size = int(line.split()[1]) * 1024
            resident += size
            own += size if counts else 0
    return Memory(resident, own)


def _is_emulators(permissions: str, path: str) -> bool:
    translated = "w" in permissions and "x" in permissions
    return translated or path in _EMULATORS_OWN or Path(path).name.startswith(("qemu-", "memfd:tcg"))
