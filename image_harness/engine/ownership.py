"""Whose a container is: labels that let a later run tell what a dead run left behind from what is in use."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PREFIX = "image-harness"
RUN_LABEL = f"{PREFIX}.run"
#: The container's own name.
NAME_LABEL = f"{PREFIX}.name"
#: The repository of images that runs load for themselves.
OWN_IMAGES = f"{PREFIX}-mutant"
_PROC = Path("/proc")
_DIGITS = 16


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is no such process, or only its remains.

    Together with the PID this names a process: PIDs are used again, the pair is not.

    Raises:
        OSError: There is one, but it cannot be looked at from here.
    """
    try:
        # The name in parentheses may hold blanks and parentheses; the fields after the last one are plain.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        # Where processes of others are hidden, a living one has no folder either.
        if _exists(pid):
            raise
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """A process that owns containers.

    Attributes:
        run: A random id.
        pid: Its PID, in its own PID namespace.
        started: Its start in clock ticks since boot.
        boot: The boot of the machine that it runs on.
        pid_namespace: Where its PID means something: several containers may share a boot and an engine.
        host: The machine.
    """

    run: str
    pid: int
    started: int
    boot: str
    pid_namespace: str
    host: str

    @staticmethod
    def current() -> RunIdentity:
        """The identity of this process: the same at every call, and another one in a forked child."""
        return _identity(os.getpid())

    def labels(self) -> dict[str, str]:
        """The labels that a container of this run carries."""
        return {
            RUN_LABEL: self.run,
            f"{PREFIX}.pid": str(self.pid),
            f"{PREFIX}.started": str(self.started),
            f"{PREFIX}.boot": self.boot,
            f"{PREFIX}.pid-namespace": self.pid_namespace,
            f"{PREFIX}.host": self.host,
        }

    def tag(self, name: str) -> str:
        """The tag of an image of this run, which tells whose it is: with a label it would be another image.

        Args:
            name: Letters and digits that no other image of the run has.
        """
        owner = self.digested()
        return "_".join([name, str(owner.pid), str(owner.started), owner.boot, owner.pid_namespace, owner.host])

    def digested(self) -> RunIdentity:
        """The identity as tags tell it: what does not fit into one, by its digest."""
        return dataclasses.replace(
            self, boot=_digest(self.boot), pid_namespace=_digest(self.pid_namespace), host=_digest(self.host)
        )

    @classmethod
    def from_tag(cls, tag: str) -> Self | None:
        """Read a tag, as digests; None when it is not that of a run."""
        try:
            name, pid, started, boot, pid_namespace, host = tag.split("_")
            return cls(name, int(pid), int(started), boot, pid_namespace, host)
        except ValueError:
            return None

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """Read the labels; None when they are not those of a run."""
        try:
            return cls(
                run=labels[RUN_LABEL],
                pid=int(labels[f"{PREFIX}.pid"]),
                started=int(labels[f"{PREFIX}.started"]),
                boot=labels[f"{PREFIX}.boot"],
                pid_namespace=labels[f"{PREFIX}.pid-namespace"],
                host=labels[f"{PREFIX}.host"],
            )
        except (KeyError, ValueError):
            return None


def is_dead(
    owner: RunIdentity, here: RunIdentity, *, local_engine: bool, started: Callable[[int], int | None] = start_ticks
) -> bool:
    """Whether the owner certainly runs no more. In doubt it lives, and what it owns is left alone.

    Args:
        owner: Whose container it is.
        here: The process that wants to know.
        local_engine: Whether the engine serves this machine alone, by a socket in its file system.
        started: Looks up a process; replaced in tests.
    """
    if owner.host != here.host or not (here.started and owner.started and owner.boot):
        return False
    if owner.boot != here.boot:
        # Machines copied from one disk image share their id: only an engine of our own proves an earlier boot.
        return local_engine
    if owner.pid_namespace != here.pid_namespace:
        return False
    try:
        return started(owner.pid) != owner.started
    except OSError:
        return False


def _digest(value: str) -> str:
    """What is not known stays so."""
    return value and hashlib.sha256(value.encode()).hexdigest()[:_DIGITS]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@functools.lru_cache(maxsize=1)
def _identity(pid: int) -> RunIdentity:
    return RunIdentity(
        run=uuid.uuid4().hex,
        pid=pid,
        started=_own_start(pid),
        boot=_read(_PROC / "sys/kernel/random/boot_id"),
        pid_namespace=_link(_PROC / "self/ns/pid"),
        host=_read(Path("/etc/machine-id")) or socket.gethostname(),
    )


def _own_start(pid: int) -> int:
    try:
        return start_ticks(pid) or 0
    except OSError:
        return 0


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
