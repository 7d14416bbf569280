"""Whether an engine did as it was asked: some leave out in silence what they cannot do."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from image_harness.engine.errors import NotGranted
from image_harness.engine.options import RunOptions
from image_harness.engine.state import parse_health_check

# What an option that is only on or off may be followed by when it is on.
_SWITCHED_ON = re.compile(r"[:=]true$")


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
    _require_fewer_rights(host, options, where)
    _require_mounts(document, options, where)
    _require_health_check(document, options, where)


def _require_fewer_rights(host: Mapping[str, Any], options: RunOptions, where: str) -> None:
    dropped = {_capability(name) for name in host.get("CapDrop") or ()}
    # Podman names each of all.
    kept = [name for name in options.cap_drop if _capability(name) not in dropped and not (name == "ALL" and dropped)]
    if kept and "ALL" not in dropped:
        raise NotGranted(f"the engine did not drop the capabilities: {', '.join(kept)}", where=where)
    taken = {_SWITCHED_ON.sub("", str(option)) for option in host.get("SecurityOpt") or ()}
    missing = [option for option in options.security_options if _SWITCHED_ON.sub("", option) not in taken]
    if missing:
        raise NotGranted(f"the engine did not take the security options: {', '.join(missing)}", where=where)


def _capability(name: object) -> str:
    return str(name).upper().removeprefix("CAP_")


def _require_mounts(document: Mapping[str, Any], options: RunOptions, where: str) -> None:
    mounted = document.get("Mounts") or ()
    writable = {posixpath.normpath(str(mount.get("Destination"))): mount.get("RW") for mount in mounted}
    held = {*writable, *(posixpath.normpath(path) for path in (document.get("HostConfig") or {}).get("Tmpfs") or ())}
    wanted = {*options.tmpfs, *(mount.target for mount in options.mounts)}
    missing = sorted(path for path in wanted if posixpath.normpath(path) not in held)
    if missing:
        raise NotGranted(f"the engine did not mount {', '.join(missing)}", where=where)
    open_to_all = [
        mount.target for mount in options.mounts if mount.read_only and writable.get(posixpath.normpath(mount.target))
    ]
    if open_to_all:
        raise NotGranted(f"the engine mounted what can be written: {', '.join(open_to_all)}", where=where)


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
