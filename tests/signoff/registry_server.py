"""Debian's docker-registry, over loopback, in a folder of the test's own."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


def program(name: str) -> str:
    """Where a program is; without it the test fails, since a skipped proof proves nothing."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"no {name} here: run ./qemu-setup.sh --tests")
    return found


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run a registry; gives HOST:PORT."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen(
            [program("docker-registry"), "serve", str(folder / "config.yml")], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait(server, address, folder / "registry.log")
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://{address}/v2/").status_code == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"docker-registry does not answer at {address}: {log.read_text()}")


def blob_file(folder: Path, digest: str) -> Path:
    """Where the registry of a folder keeps a blob's bytes."""
    hexadecimal = digest.removeprefix("sha256:")
    return folder / "store/docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"
