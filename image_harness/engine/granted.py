"""Whether an engine did as it was asked: some leave out in silence what they cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_harness.engine.errors import NotGranted
from image_harness.engine.options import RunOptions
from image_harness.engine.state import parse_health_check


def require_granted(document: Mapping[str, Any], options: RunOptions, *, where: str) -> None:
    """Compare a container with what it was to be.

    A check that looked at a container under other circumstances than it believes would tell nothing about the image.

    Args:
        document: The engine's inspect document of it.
        options: What was asked for.
        where: The container's name.

    Raises:
        NotGranted: It is not that.
    """
    config, host = document.get("Config") or {}, document.get("HostConfig") or {}
    # Docker notes what it will take away as a name without a value.
    values = {str(entry).partition("=")[0] for entry in config.get("Env") or () if "=" in str(entry)}
    kept = sorted(values.intersection(options.unset) - set(options.environment))
    if kept:
        raise NotGranted(f"the engine cannot take variables of the image away: {', '.join(kept)}", where=where)
    if options.memory is not None and host.get("Memory") != options.memory:
        raise NotGranted(f"the engine cannot hold a container to {options.memory} bytes of memory", where=where)
    if options.read_only and not host.get("ReadonlyRootfs"):
        raise NotGranted("the engine did not make the root file system read-only", where=where)
    _require_health_check(document, options, where)


def _require_health_check(document: Mapping[str, Any], options: RunOptions, where: str) -> None:
    asked = options.health_check
    if asked is None:
        return
    held = parse_health_check(document)
    if asked.is_none:
        if held is not None and not held.is_none:
            raise NotGranted("the engine did not take the image's health check away", where=where)
        return
    if held is None:
        if asked.test:
            raise NotGranted("the engine did not take the health check", where=where)
        return  # the engine's image has none that could be changed; who waits for health is told so
    if (asked.test and held.test != asked.test) or (asked.interval and held.interval != asked.interval):
        raise NotGranted(f"the engine holds another health check than it was given: {held}", where=where)
