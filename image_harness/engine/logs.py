"""What a container has written, each piece of it with the name of its container."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from image_harness.engine.client import ask
from image_harness.engine.errors import EngineError
from image_harness.engine.frames import read_frames
from image_harness.engine.ownership import NAME_LABEL
from image_harness.engine_api import last_call

if TYPE_CHECKING:
    from docker import APIClient

#: Logs that any engine can give back, whatever it does with those of others, with the container's name in each piece.
LOG_CONFIGURATION: Mapping[str, Any] = {"Type": "json-file", "Config": {"labels": NAME_LABEL}}


def read_logs(client: APIClient, container_id: str, name: str, tail: int | None, *, named: bool) -> bytes:
    """What a container has written to stdout and stderr: all, or the last lines.

    Nothing in this answer says by itself whose it is, so the engine is asked for the label beside each piece.

    Args:
        client: The engine.
        container_id: What it calls the container.
        name: The name that the container is labelled with.
        tail: How many lines; None for all.
        named: Whether the engine can give labels beside what was written.

    Raises:
        EngineError: It is what another container has written, or it broke off.
    """
    lines = "all" if tail is None else tail
    parameters: dict[str, str | int] = {"stdout": 1, "stderr": 1, "tail": lines, "details": int(named)}
    response = ask(client, f"/containers/{container_id}/logs", parameters)
    head = f"{NAME_LABEL}={name} ".encode() if named else b""
    found = []
    for _, piece in read_frames(io.BytesIO(response.content).read):
        if not piece.startswith(head):
            what = f"the engine's answer to {last_call()} is what another container wrote: {piece[:80]!r}"
            raise EngineError(what, where=name)
        found.append(piece[len(head) :])
    return b"".join(found)


def marked(output: str, mark: str) -> str | None:
    """What a container has written after a mark that begins a line, to its end; None before there is a whole one."""
    for line in output.split("\n")[:-1]:
        if line.startswith(mark):
            return line.removeprefix(mark)
    return None
