"""How a container is to run, and what that is in the words of the engine's API."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from image_harness.engine.place import LOOPBACK
from image_harness.engine.timestamps import to_nanoseconds
from image_harness.types import HealthCheck, Platform, Port


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


class Share(enum.IntEnum):
    """A container's share of the processors, compared with others, where there is too little for all.

    Engines give 1024 to a container of which nothing is said, and kernels read that in more than one way.

    Attributes:
        FIRST: For what most checks wait for, and engines judge by a time limit.
        SECOND: For what has a time limit of its own, or takes longest of what remains.
        LAST: For what nobody waits for as long as others have work.
    """

    FIRST = 8192
    SECOND = 4096
    LAST = 256


@dataclass(frozen=True, slots=True)
class Mount:
    """Something mounted into the container.

    Attributes:
        target: Absolute path in the container.
        source: A path of the host, the name of a volume, or None for an anonymous volume that goes with the container.
        read_only: Whether the container may only read it.
    """

    target: str
    source: Path | str | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a container; the defaults are the image's own.

    Attributes:
        environment: Variables to set.
        unset: Variables of the image to take away.
        command: Replaces the image's CMD.
        entrypoint: Replaces the image's ENTRYPOINT; an empty tuple takes it away.
        user: As ``docker run --user`` takes it.
        read_only: Mount the root file system read-only.
        cap_drop: Capabilities to drop, or ``ALL``.
        security_options: As ``--security-opt`` takes them.
        tmpfs: Absolute path to mount options.
        mounts: Volumes and directories of the host.
        memory: Limit in bytes, swap included.
        health_check: Replaces the image's; what it leaves out (None, an empty test) stays the image's.
        publish: Ports to publish, each on a free port that the engine chooses: on 127.0.0.1 of a local engine.
        hostname: Name inside the container.
        network: Name of a network, ``none`` or ``host``.
        aliases: Names by which others on that network find the container.
        platform: Which platform of a multi-platform image.
        stop_signal: Replaces the image's.
        processor_share: Of the processors; the engine's own default if none.
        files: A tar archive that is unpacked over its root before it starts; empty for none.
    """

    environment: Mapping[str, str] = field(default_factory=_nothing)
    unset: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    read_only: bool = False
    cap_drop: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=_nothing)
    mounts: tuple[Mount, ...] = ()
    memory: int | None = None
    health_check: HealthCheck | None = None
    publish: tuple[Port, ...] = ()
    hostname: str | None = None
    network: str | None = None
    aliases: tuple[str, ...] = ()
    platform: Platform | None = None
    stop_signal: str | None = None
    processor_share: Share | None = None
    files: bytes = b""


def create_request(
    image: str, options: RunOptions, labels: Mapping[str, str], *, publish_on: str = LOOPBACK
) -> dict[str, Any]:
    """The body of the API's ``POST /containers/create``.

    Args:
        image: The image as the engine knows it.
        options: How its container is to run.
        labels: What the container is labelled with.
        publish_on: The address of the engine's host that ports are published on; empty for all of them.
    """
    body: dict[str, Any] = {
        "Image": image,
        "Labels": dict(labels),
        # A bare name, without "=", takes the variable out of what the image sets.
        "Env": [*options.unset, *(f"{name}={value}" for name, value in options.environment.items())],
        "ExposedPorts": {str(port): {} for port in options.publish},
        "HostConfig": _host_config(options, publish_on),
    }
    optional = {
        "Cmd": None if options.command is None else list(options.command),
        "Entrypoint": _entrypoint(options),
        "User": options.user,
        "Hostname": options.hostname,
        "StopSignal": options.stop_signal,
        "Healthcheck": None if options.health_check is None else health_request(options.health_check),
        "NetworkingConfig": _networking(options),
    }
    return body | {key: value for key, value in optional.items() if value is not None}


def health_request(check: HealthCheck) -> dict[str, Any]:
    """A health check as the API takes it; what is absent is inherited from the image."""
    durations = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
    }
    body: dict[str, Any] = {key: to_nanoseconds(value) for key, value in durations.items() if value is not None}
    if check.test:
        body["Test"] = list(check.test)
    if check.retries is not None:
        body["Retries"] = check.retries
    return body


def _entrypoint(options: RunOptions) -> list[str] | None:
    if options.entrypoint is None:
        return None
    # One empty string is the API's way to take the image's entry point away; an empty list means "as the image".
    return list(options.entrypoint) or [""]


def _networking(options: RunOptions) -> dict[str, Any] | None:
    if options.network is None or not options.aliases:
        return None
    return {"EndpointsConfig": {options.network: {"Aliases": list(options.aliases)}}}


def _host_config(options: RunOptions, publish_on: str) -> dict[str, Any]:
    host: dict[str, Any] = {
        # An empty host port lets the engine choose a free one, so that parallel runs do not collide.
        "PortBindings": {str(port): [{"HostIp": publish_on, "HostPort": ""}] for port in options.publish},
        "ReadonlyRootfs": options.read_only,
        "CapDrop": list(options.cap_drop),
        "SecurityOpt": list(options.security_options),
        "Tmpfs": dict(options.tmpfs),
        "Mounts": [_mount(mount) for mount in options.mounts],
    }
    if options.memory is not None:
        host |= {"Memory": options.memory, "MemorySwap": options.memory}
    if options.processor_share is not None:
        host["CpuShares"] = int(options.processor_share)
    if options.network is not None:
        host["NetworkMode"] = options.network
    return host


def _mount(mount: Mount) -> dict[str, Any]:
    body: dict[str, Any] = {"Target": mount.target, "ReadOnly": mount.read_only}
    if isinstance(mount.source, Path):
        return body | {"Type": "bind", "Source": str(mount.source.absolute())}
    return body | {"Type": "volume"} | ({"Source": mount.source} if mount.source else {})
