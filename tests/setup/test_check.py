"""The table of --check."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.setup.machine import SCRIPT, Machine

ENGINE_READY = "dockerd & sleep 0.3; qemu-setup.sh --check"


def test_on_an_empty_machine_all_is_missing_and_nothing_is_changed(machine: Machine) -> None:
    before = machine.files()
    done = machine.run("--check")
    assert done.status == 1
    assert [line.split("  ")[0] for line in done.output.splitlines()] == [
        "engine", "buildx", "arm64 emulation", "free disk", "packages",
    ]  # fmt: skip
    assert machine.files() == before


def test_on_a_ready_machine_all_is_ok(machine: Machine) -> None:
    done = machine.sh("qemu-setup.sh -q; qemu-setup.sh --check")
    assert (done.status, done.errors) == (0, "")
    assert "version 26.1.5, API 1.45, containerd image store, unix:///var/run/docker.sock" in done.row("engine")
    assert "version 0.13.1, client /programs/docker" in done.row("buildx")
    assert "an AArch64 program ran in a container" in done.row("arm64 emulation")


def test_looking_leaves_no_image_and_no_folder(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    machine.register_emulator("qemu-aarch64", "F")
    machine.sh(ENGINE_READY)
    assert not (machine.state / "image").exists()
    assert list((machine.root / "tmp").iterdir()) == []
    assert list((machine.root / "root").iterdir()) == [machine.root / "root" / SCRIPT.name]


def test_a_user_without_a_home(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    assert machine.sh(f"unset HOME; {ENGINE_READY}").errors == ""


def test_an_emulator_that_containers_cannot_see_is_no_emulation(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    machine.register_emulator("qemu-aarch64", "OC")
    done = machine.sh(ENGINE_READY)
    assert done.status == 1
    assert "but not where its interpreter is out of sight (flag F)" in done.row("arm64 emulation")


def test_an_engine_that_is_too_old_is_missing(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    (machine.state / "engine-version").write_text("20.10.24+dfsg1\n")
    assert "20.10.24+dfsg1 is too old, 24.0 or later" in machine.sh(ENGINE_READY).row("engine")


def test_an_engine_with_the_classic_store_is_missing(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    (machine.state / "classic").touch()
    assert "containerd-snapshotter" in machine.sh(ENGINE_READY).row("engine")


def test_too_little_space_is_missing(machine: Machine) -> None:
    machine.commands.append("mount -t tmpfs -o size=1G tmpfs var/lib")
    done = machine.run("--check")
    assert done.row("free disk").split(maxsplit=3)[2:] == ["missing", "1 GiB at /var/lib/docker, 5 GiB are needed"]


def test_the_engine_that_docker_host_names_is_the_one(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    done = machine.run("--check", environment={"DOCKER_HOST": "tcp://192.0.2.1:2375"})
    assert done.row("engine").endswith("none answers at tcp://192.0.2.1:2375")
    assert done.row("free disk").split()[2] == "note"


@pytest.mark.engine
def test_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """The real engine and the real emulation; the seconds are printed, not judged."""
    begin = time.monotonic()
    done = subprocess.run([SCRIPT, "--check"], capture_output=True, text=True, timeout=120, check=False)
    seconds = time.monotonic() - begin
    with capsys.disabled():
        print(f" [{seconds:.2f} s on the real machine]", end="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "an AArch64 program ran in a container" in done.stdout
