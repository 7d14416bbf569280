from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor_build.docker_client import DockerClient, find_client
from monitor_build.errors import BuildError


def pretend_client(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def test_client_without_buildx_is_passed_over(tmp_path: Path) -> None:
    old = pretend_client(tmp_path / "old", "echo 'docker: unknown command' >&2; exit 1")
    new = pretend_client(tmp_path / "new", "echo 'github.com/docker/buildx 0.13.1 0.13.1-3'")
    path = f"{old.parent}:{tmp_path / 'absent'}::{new.parent}"

    assert find_client(path, with_buildx=True) == DockerClient(new, "0.13.1")
    assert find_client(path, with_buildx=False) == DockerClient(old)


def test_machine_without_a_fitting_client_is_sent_to_the_setup(tmp_path: Path) -> None:
    old = pretend_client(tmp_path / "old", "exit 1")

    with pytest.raises(BuildError, match=r"^no docker client on PATH knows buildx; run \./qemu-setup\.sh$"):
        find_client(str(old.parent), with_buildx=True)
    with pytest.raises(BuildError, match=r"^no docker client on PATH; run \./qemu-setup\.sh$"):
        find_client(str(tmp_path), with_buildx=False)


@pytest.mark.parametrize(
    "script",
    [
        """echo '{"ServerVersion": "", "ServerErrors": ["Cannot connect to the Docker daemon"]}'""",
        "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
    ],
)
def test_engine_that_does_not_answer_is_told_in_one_line(tmp_path: Path, script: str) -> None:
    program = pretend_client(tmp_path, script)

    with pytest.raises(BuildError, match=r"no engine answers \(Cannot connect .*\); run \./qemu-setup\.sh"):
        DockerClient(program).engine()


@pytest.mark.parametrize(("driver_type", "containerd"), [("io.containerd.snapshotter.v1", True), ("overlay2", False)])
def test_image_store_is_told_apart(tmp_path: Path, driver_type: str, containerd: bool) -> None:
    info = f'{{"ServerVersion": "26.1.5", "DriverStatus": [["driver-type", "{driver_type}"]]}}'
    engine = DockerClient(pretend_client(tmp_path, f"echo '{info}'")).engine()

    assert (engine.version, engine.containerd_store) == ("26.1.5", containerd)


def test_image_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    program = pretend_client(tmp_path, "echo 'Error response from daemon: No such image: a:b' >&2; exit 1")

    assert DockerClient(program).image_id("a:b") is None


def test_engine_that_is_gone_is_not_taken_for_a_missing_image(tmp_path: Path) -> None:
    program = pretend_client(tmp_path, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")

    with pytest.raises(BuildError, match="no engine answers"):
        DockerClient(program).image_id("a:b")


def test_registry_tells_the_digest_of_the_index(tmp_path: Path) -> None:
    digest = "sha256:" + "a" * 64
    program = pretend_client(tmp_path, f"echo 'Name: x'; echo 'Digest:    {digest}'; echo '  Digest: sha256:b'")

    assert DockerClient(program).upstream_digest("x:y", limit=timedelta(seconds=5)) == digest


def test_registry_that_does_not_answer_in_time_is_given_up(tmp_path: Path) -> None:
    program = pretend_client(tmp_path, "exec sleep 20")

    with pytest.raises(BuildError, match="no answer within"):
        DockerClient(program).upstream_digest("x:y", limit=timedelta(seconds=0.2))
