"""A second engine on this machine, as far from the first as it can be on one machine."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_harness.engine import Engine
from image_harness.errors import HarnessError


@pytest.fixture(scope="package")
def second_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Docker engine with everything of its own.

    It has a network namespace to itself: an engine takes hold of the bridge docker0 as soon as it starts, even one that
    is told to use none, which removes it.
    """
    if os.geteuid() != 0:
        pytest.fail("a second engine can only be started by root", pytrace=False)
    folder = tmp_path_factory.mktemp("second")
    url = f"unix://{folder}/docker.sock"
    config = folder / "daemon.json"
    config.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    command = [
        "unshare",
        "--net",
        "--mount",
        "dockerd",
        "--config-file",
        str(config),
        "--host",
        url,
        "--pidfile",
        str(folder / "pid"),
    ]
    command += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "--bridge", "none"]
    command += ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(url, daemon, folder / "log")
        yield url
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)


def _wait_for(url: str, daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while daemon.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(HarnessError), Engine.connect(url):
            return
        time.sleep(0.2)
    pytest.fail(f"the second engine does not answer: {log.read_text()[-800:]}", pytrace=False)
