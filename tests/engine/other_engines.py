"""Engines besides the machine's own: each in a network namespace of its own, with its own folders, gone at the end.

In a namespace of its own an engine's bridges and firewall rules are nobody else's.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Reserved for documentation (RFC 5737): certainly no address of this machine's.
ELSEWHERE = "192.0.2.1"
_PORT = 12375
_PATIENCE = 60.0
_SET_UP = f'ip link set lo up && ip address add {ELSEWHERE}/32 dev lo && exec "$@"'


@dataclass(frozen=True)
class OtherEngine:
    """An engine that runs.

    Attributes:
        socket: The URL of its socket, which is reached from everywhere.
        url: Where runs are to reach it.
        pid: Its process.
    """

    socket: str
    url: str
    pid: int

    def check(self, report: Path, *arguments: str, prefix: Sequence[str] = ()) -> Mapping[str, Mapping[str, Any]]:
        """Check the image in the engine's network namespace; the requirements that were selected, by id."""
        command = ["nsenter", f"--net=/proc/{self.pid}/ns/net", *prefix, sys.executable, "-m", "pytest", "image_tests"]
        options = ["--engine", self.url, "--build", "never", "--report", str(report), "-q", "-p", "no:cacheprovider"]
        run = subprocess.run([*command, *options, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (report / "report.json").exists(), run.stdout + run.stderr
        found = json.loads((report / "report.json").read_text())["requirements"]
        return {one["id"]: one for one in found if one["status"] != "not-selected"}


def having(found: Mapping[str, Mapping[str, Any]], status: str) -> dict[str, str]:
    """The requirements of this status, and why they have it."""
    return {
        name: "; ".join(check["message"] or "" for check in one["checks"])
        for name, one in found.items()
        if one["status"] == status
    }


@contextlib.contextmanager
def podman(folder: Path, archive: Path) -> Iterator[OtherEngine]:
    """Podman, rootful, with the image; without systemd it runs no health checks."""
    configuration = folder / "containers.conf"
    limits = [f"{name}={_most(kind)}:{_most(kind)}" for name, kind in _LIMITS.items()]
    configuration.write_text(
        f"[containers]\ndefault_ulimits = {json.dumps(limits)}\n"
        # The runtime that Docker uses, too; crun refuses machines with both kinds of control groups.
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        # What looks after a command in a container would stay for five minutes after its end.
        "exit_command_delay = 1\n"
        f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{folder}/networks"\n'
    )
    socket = f"unix://{folder}/podman.sock"
    storage = ["--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp"]
    environment = {"CONTAINERS_CONF": str(configuration), "DISABLE_HC_SYSTEMD": "true"}
    command = ["podman", *storage, "system", "service", "--time=0", socket]
    with _engine(command, socket, folder, archive, environment) as pid:
        yield OtherEngine(socket, socket, pid)


@contextlib.contextmanager
def plain_docker(folder: Path, archive: Path) -> Iterator[OtherEngine]:
    """Docker with the image store that it had before containerd's, at an address that is not this machine's."""
    socket, url = f"unix://{folder}/docker.sock", f"tcp://{ELSEWHERE}:{_PORT}"
    settings = {
        "data-root": f"{folder}/data",
        "exec-root": f"{folder}/exec",
        "pidfile": f"{folder}/pid",
        "hosts": [socket, url],
        "features": {"containerd-snapshotter": False},
        "tls": False,
    }
    configuration = folder / "daemon.json"
    configuration.write_text(json.dumps(settings))
    with _engine(["dockerd", "--config-file", str(configuration)], socket, folder, archive, {}) as pid:
        yield OtherEngine(socket, url, pid)


_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
# Podman lowers its own limits to this; what it starts cannot have more.
_PODMANS_MOST = 32768


def _most(kind: int) -> int:
    most = resource.getrlimit(kind)[1]
    return _PODMANS_MOST if most == resource.RLIM_INFINITY else min(most, _PODMANS_MOST)


@contextlib.contextmanager
def _engine(
    command: Sequence[str], socket: str, folder: Path, archive: Path, environment: Mapping[str, str]
) -> Iterator[int]:
    log = folder / "engine.log"
    with contextlib.ExitStack() as stack:
        stack.callback(_remove, folder)
        out = stack.enter_context(log.open("w"))
        process = stack.enter_context(
            subprocess.Popen(
                ["unshare", "--net", "sh", "-c", _SET_UP, "sh", *command],
                stdout=out,
                stderr=out,
                env=os.environ | environment,
            )
        )
        stack.callback(process.terminate)
        docker = ["docker", "--host", socket]
        deadline = time.monotonic() + _PATIENCE
        while subprocess.run([*docker, "version"], capture_output=True, check=False).returncode != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} does not come up: {log.read_text()[-2000:]}")
            time.sleep(0.2)
        subprocess.run([*docker, "load", "--input", str(archive)], check=True, capture_output=True)
        yield process.pid


def _remove(folder: Path) -> None:
    """Remove an engine's folder, and before it what the engine has mounted there, once nobody uses it any more."""
    deadline = time.monotonic() + _PATIENCE
    while _users(folder):
        if time.monotonic() > deadline:
            pytest.fail(f"processes of the engine in {folder} do not end: {_users(folder)}")
        time.sleep(0.2)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], check=True)
    shutil.rmtree(folder)


def _users(folder: Path) -> list[int]:
    """The processes that were started with this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        # They may end while we look.
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"{folder}/".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
