"""A service while something that it uses is absent, comes, and goes."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from image_harness.engine.asking import json_object
from image_harness.engine.clock import WaitLimit
from image_harness.engine.container import Container
from image_harness.engine.errors import EngineError, WaitExpired
from image_harness.types import Port

_ENDS_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class DependencyObservation:
    """What a service said of itself, as JSON, in each of the three circumstances.

    Attributes:
        absent: While what it uses had never been there.
        present: While it was there: the first answer with another status than before, or the last one in time.
        gone: After it had been taken away again, likewise; the next answer where its coming had changed nothing.
    """

    absent: Mapping[str, Any]
    present: Mapping[str, Any]
    gone: Mapping[str, Any]


def observe_dependency(
    container: Container, port: Port, path: str, command: Sequence[str], limit: WaitLimit
) -> DependencyObservation:
    """Let what a service uses come and go.

    Args:
        container: The service's container.
        port: Where it listens.
        path: What tells its status: a JSON object with the member ``status``. An answer that is none counts as an
            empty one.
        command: A program of this machine; run in the container's network namespace it is what the service uses.
        limit: How long the service may take to notice, each time.

    Raises:
        ContainerDied: It ended meanwhile.
        EngineError: The engine is of another machine, or the program cannot be run.
    """

    def look() -> Mapping[str, Any]:
        return json_object(container.wait_for_http(path, limit.total, port=port).content) or {}

    def changed_from(before: Mapping[str, Any]) -> Mapping[str, Any]:
        last: list[Mapping[str, Any]] = []

        def other() -> Mapping[str, Any] | None:
            last[:] = [look()]
            return last[0] if last[0].get("status") != before.get("status") else None

        try:
            return container.wait_until(other, limit.total, lambda: "another status", idle=limit.idle)
        except WaitExpired:
            if not last:
                raise
            return last[0]

    absent = look()
    with beside(container, command):
        present = changed_from(absent)
    # A service that has not noticed it cannot notice that it is gone.
    noticed = present.get("status") != absent.get("status")
    return DependencyObservation(absent, present, changed_from(present) if noticed else look())


@contextlib.contextmanager
def beside(container: Container, command: Sequence[str]) -> Iterator[None]:
    """Run a program of this machine in a container's network namespace, as long as the context lasts.

    Raises:
        EngineError: The engine is of another machine, there is no such program, or it ended at once.
    """
    program = shutil.which(command[0])
    if program is None:
        raise EngineError(f"this machine has no {command[0]}", where=container.name, fix="./qemu-setup.sh installs it")
    namespace = ["nsenter", "--target", str(container.proc.required_pid()), "--net", "--"]
    running = subprocess.Popen(
        [*namespace, program, *command[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _check_stays(running, command[0], container)
        yield
    finally:
        running.terminate()
        try:
            running.communicate(timeout=_ENDS_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()


def _check_stays(running: subprocess.Popen[bytes], name: str, container: Container) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        output, _ = running.communicate(timeout=0.3)
        said = output.decode(errors="replace").strip()[-200:]
        raise EngineError(f"{name} ended at once with exit code {running.returncode}: {said}", where=container.name)
