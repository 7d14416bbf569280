"""As whom, where and with which environment an engine would run a command in a container."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from image_harness.engine.client import architecture_name
from image_harness.engine.procfs import PROC, inside_id, read_status

# What engines set where the image does not.
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "arm": "armv7l", "386": "i686"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a command starts with.

    Attributes:
        uid: User id, as the container sees it.
        gid: Group id, likewise.
        groups: Further groups, likewise.
        directory: Where it starts.
        environment: Its variables.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    directory: str
    environment: Mapping[str, str]

    def as_request(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self) | {"environment": dict(self.environment)}


def machine_name(architecture: str) -> str:
    """What the kernel calls a machine that GOARCH calls so."""
    return _MACHINES.get(architecture, architecture)


def native_architecture() -> str:
    """This machine's architecture, in the words of GOARCH."""
    return architecture_name(platform.machine())


def identity_of(pid: int, document: Mapping[str, Any], proc: Path = PROC) -> Identity:
    """The identity that a container's first process was started with.

    Args:
        pid: That process, as this machine numbers it.
        document: The engine's inspect document of the container.
        proc: Where this machine's processes are seen.
    """
    config = document["Config"]
    entry = proc / str(pid)
    status = {name: value.split() for name, value in read_status(pid, proc).items()}
    users, groups = (entry / "uid_map").read_text(), (entry / "gid_map").read_text()
    uid = inside_id(int(status["Uid"][1]), users)
    home = home_directory(uid, _account_file(entry))
    variables = dict(entry.split("=", 1) for entry in config.get("Env") or () if "=" in entry)
    return Identity(
        uid=uid,
        gid=inside_id(int(status["Gid"][1]), groups),
        groups=tuple(inside_id(int(group), groups) for group in status.get("Groups", ())),
        directory=str(config.get("WorkingDir") or "/"),
        environment={"PATH": _DEFAULT_PATH, "HOSTNAME": str(config.get("Hostname", "")), "HOME": home, **variables},
    )


def home_directory(uid: int, accounts: str) -> str:
    """A user's home by the text of /etc/passwd; the root directory for one who has none there."""
    fields = (line.split(":") for line in accounts.splitlines())
    return next((found[5] for found in fields if len(found) > 5 and found[2] == str(uid) and found[5]), "/")


def _account_file(entry: Path) -> str:
    """The container's /etc/passwd; empty when there is none, or a link, which would lead to a file of this machine."""
    try:
        descriptor = os.open(entry / "root/etc/passwd", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read()
