"""The image under emulation with tools at hand, and a Debian that testinfra knows how to look at by itself."""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.engine import Container, Engine, EngineError, RunOptions
from image_harness.engine.toolbox.busybox import find_busybox
from image_harness.engine.toolbox.host import ContainerHost, inspect

IMAGE = "pickme/lucid-rdp-monitor:latest-arm64"
PYTHON = "/usr/bin/python3.11"
BOOT_LIMIT = timedelta(seconds=60)
LISTENER = """\
import socket, time
at_port = socket.socket(); at_port.bind(('0.0.0.0', 8093)); at_port.listen()
at_path = socket.socket(socket.AF_UNIX); at_path.bind('/dev/shm/listener'); at_path.listen()
bound = socket.socket(socket.AF_UNIX); bound.bind('/dev/shm/bound')
print('ready', flush=True)
time.sleep(600)
"""
DEBIAN_SETUP = """
ln -s /etc/passwd /link; ln -s /nowhere /dangling; ln -s /loop /loop; mkfifo /pipe
mkdir -p '/a b'; echo x > "/a b/it's"
chmod 4711 '/a b'; echo secret > /private; chmod 600 /private; chown 7:9 /private
perl -MIO::Socket::INET -e '
    $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "0.0.0.0", LocalPort => 8000); sleep 600' &
echo ready; exec sleep 600
"""


def require_busybox() -> None:
    try:
        find_busybox()
    except EngineError as error:
        pytest.fail(str(error))


@contextlib.contextmanager
def started(engine: Engine, image: str, options: RunOptions) -> Iterator[Container]:
    """A container that has said that it is ready."""
    with engine.run(image, options) as container:
        container.wait_until(lambda: "ready" in container.logs() or None, BOOT_LIMIT, lambda: "readiness")
        yield container


@pytest.fixture(scope="package", params=[False, True], ids=["writable root", "read-only root"])
def distroless(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Container]:
    require_busybox()
    options = RunOptions(command=(PYTHON, "-c", LISTENER), network="none", read_only=request.param)
    with started(engine, IMAGE, options) as container:
        yield container


@pytest.fixture(scope="package")
def host(distroless: Container) -> Iterator[ContainerHost]:
    with inspect(distroless, architecture="arm64", interpreter=PYTHON) as opened:
        yield opened


@pytest.fixture(scope="package")
def debian_image(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[str]:
    """A small Debian of this machine's release and architecture, with the programs that testinfra calls."""
    require_busybox()
    if shutil.which("mmdebstrap") is None:
        pytest.fail("no mmdebstrap to make a Debian with")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    sources = [file for file in Path("/etc/apt").glob("sources.list.d/*.sources") if release in file.read_text()]
    sources += [file for file in [Path("/etc/apt/sources.list")] if file.is_file()]
    tar = tmp_path_factory.mktemp("debian") / "root.tar"
    packages = "--include=procps,iproute2,iputils-ping,netcat-openbsd"
    command = [
        "mmdebstrap",
        "--variant=minbase",
        packages,
        "--dpkgopt=force-unsafe-io",
        release,
        str(tar),
        *map(str, sources),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.fail(f"mmdebstrap made no Debian: {made.stderr[-300:]}")
    docker, name = ["docker", "--host", engine.url], f"image-harness-test/debian:{uuid.uuid4().hex[:8]}"
    subprocess.run([*docker, "import", tar, name], check=True, capture_output=True)
    tar.unlink()
    yield name
    subprocess.run([*docker, "rmi", "--force", name], check=True, capture_output=True)


@pytest.fixture(scope="package")
def debian(engine: Engine, debian_image: str) -> Iterator[Container]:
    options = RunOptions(
        command=("/bin/sh", "-c", DEBIAN_SETUP), network="none", environment={"GREETING": "hello world"}
    )
    with started(engine, debian_image, options) as container:
        yield container
