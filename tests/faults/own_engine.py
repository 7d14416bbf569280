"""An engine that may be ended in the middle of a run: with folders, network and mounts of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.other_engines import _remove

_PATIENCE = 60.0
_SIZE = "400m"


class OwnEngine:
    """A Docker engine of this test alone.

    Args:
        folder: Where it keeps everything: a short path, since sockets are in it.
        keeper: A process in the namespaces that all of its lives share.
    """

    def __init__(self, folder: Path, keeper: int) -> None:
        self._folder = folder
        self._inside = ("nsenter", "--target", str(keeper), "--net", "--mount", "--")
        # Runs are beside the engine in the network, and where everybody else is in the file system.
        self.prefix = ("nsenter", "--target", str(keeper), "--net", "--")
        self.url = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        settings = {
            "data-root": f"{folder}/data",
            "exec-root": f"{folder}/exec",
            "pidfile": f"{folder}/pid",
            "hosts": [self.url],
            "features": {"containerd-snapshotter": False},
        }
        (folder / "daemon.json").write_text(json.dumps(settings))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "engine.log").open("a") as log:
            self._process = subprocess.Popen(
                [*self._inside, "dockerd", "--config-file", str(self._folder / "daemon.json")], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _PATIENCE
        command = ["docker", "--host", self.url, "version"]
        while subprocess.run(command, capture_output=True, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"dockerd does not come up: {(self._folder / 'engine.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def end(self) -> None:
        """End it, and the containers with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()

    def restart(self) -> None:
        """End it and start it again."""
        self.end()
        self.start()

    def fill(self) -> None:
        """Leave no room where it keeps images and containers."""
        script = f"dd if=/dev/zero of={self._folder}/data/filler bs=1M 2>/dev/null; true"
        subprocess.run([*self._inside, "sh", "-c", script], check=True)

    def empty(self) -> None:
        """Take back what filled it."""
        subprocess.run([*self._inside, "rm", "-f", f"{self._folder}/data/filler"], check=True)


@contextlib.contextmanager
def own_engine(folder: Path) -> Iterator[OwnEngine]:
    """An engine that runs, as long as the context lasts; all that it keeps is in memory."""
    (folder / "data").mkdir()
    set_up = (
        f"ip link set lo up && mount -t tmpfs -o size={_SIZE} none {folder}/data && echo ready && exec sleep infinity"
    )
    command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", set_up]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as keeper, contextlib.ExitStack() as stack:
        stack.callback(_remove, folder)
        stack.callback(keeper.kill)
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"ready\n"
        engine = OwnEngine(folder, keeper.pid)
        stack.callback(engine.end)
        engine.start()
        yield engine
    with contextlib.suppress(ProcessLookupError):
        os.kill(keeper.pid, 0)
        pytest.fail("the engine's namespaces are still kept")
