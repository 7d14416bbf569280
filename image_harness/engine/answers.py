"""Whether an engine's answer is about what was asked: data about another container must never pass as this one's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from image_harness.engine.errors import EngineError
from image_harness.engine_api import last_call

_ALGORITHM = "sha256:"


def require_container(document: Mapping[str, Any], container_id: str, name: str) -> None:
    """Compare what describes a container with the container that was asked for.

    Raises:
        EngineError: It is of another one.
    """
    _require("container", str(document["Id"]), container_id, name)
    _require("container", str(document["Name"]).removeprefix("/"), name, name)


def require_image(document: Mapping[str, Any], image_id: str, name: str) -> None:
    """Compare the image that a container was made from with the one that it was to be made from.

    Raises:
        EngineError: It was made from another one.
    """
    _require("image", str(document["Image"]).removeprefix(_ALGORITHM), image_id.removeprefix(_ALGORITHM), name)


def require_execution(
    document: Mapping[str, Any], execution_id: str, container_id: str, argv: Sequence[str], where: str
) -> None:
    """Compare what describes a command in a container with the command that was asked for.

    Raises:
        EngineError: It is of another one.
    """
    _require("command", str(document["ID"]), execution_id, where)
    _require("container", str(document["ContainerID"]), container_id, where)
    process = document.get("ProcessConfig") or {}
    _require("command", [process.get("entrypoint"), *(process.get("arguments") or ())], list(argv), where)


def _require(what: str, found: object, asked: object, where: str) -> None:
    if found != asked:
        shown, wanted = str(found)[:80], str(asked)[:80]
        raise EngineError(
            f"the engine's answer to {last_call()} is of another {what}: {shown}, not {wanted}", where=where
        )
