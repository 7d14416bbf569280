from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.nightly import machine
from image_harness.nightly.machine import Emulation, Machine, bases_of, emulation_here, pins
from image_harness.nightly.matrix import Cell, Matrix, load_matrix

ROOT = Path(__file__).parents[2]
DEBIAN = Emulation("/usr/bin/qemu", "qemu-aarch64 version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)")
BACKPORT = Emulation("/usr/bin/qemu", "qemu-aarch64 version 11.0.0 (Debian 1:11.0.0+ds-1~bpo13+1)")
UNKNOWN = Emulation("/usr/bin/qemu")
OTHER = Emulation("/usr/bin/qemu", "qemu-aarch64 version 11.0.0")


@pytest.fixture
def matrix() -> Matrix:
    return load_matrix(ROOT / "nightly.yaml")


@pytest.fixture
def here(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """An amd64 machine that has everything and reaches everything."""
    monkeypatch.setattr(machine, "_problem", lambda _: "")
    monkeypatch.setattr(machine, "pins", lambda _: frozenset(bases_of(ROOT / "designs" / "rdp-monitor.yaml")))
    monkeypatch.setattr(machine, "emulation_here", lambda: DEBIAN)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/something")
    return Machine(ROOT, matrix, architecture="x86_64", reach=lambda _: "")


def cell(matrix: Matrix, name: str) -> Cell:
    return matrix.chosen((f"rdp-monitor.{name}",))[0]


def test_a_machine_that_has_everything_has_no_obstacle(here: Machine, matrix: Matrix) -> None:
    for name in ("docker.distribution.pinned", "podman.distribution.latest", "docker.distribution.stand-in"):
        assert here.obstacle(cell(matrix, name)) == ""


@pytest.mark.parametrize(
    ("emulation", "able"),
    [
        (DEBIAN, "distribution"),
        (BACKPORT, "newest"),
        (OTHER, "newest"),
        (Emulation("/x", ""), "newest"),
        (Emulation(), ""),
    ],
)
def test_which_emulator_is_registered_decides_which_cells_can_be_run(
    here: Machine, matrix: Matrix, monkeypatch: pytest.MonkeyPatch, emulation: Emulation, able: str
) -> None:
    monkeypatch.setattr(machine, "emulation_here", lambda: emulation)

    for kind in ("distribution", "newest"):
        assert (here.obstacle(cell(matrix, f"docker.{kind}.latest")) == "") is (kind == able)


def test_native_cells_are_for_arm64_machines_alone(here: Machine, matrix: Matrix) -> None:
    arm64 = Machine(ROOT, matrix, architecture="aarch64", reach=lambda _: "")

    assert here.obstacle(cell(matrix, "docker.native.latest")) == "this machine is x86_64, not arm64"
    assert arm64.obstacle(cell(matrix, "docker.native.latest")) == ""
    assert "emulates nothing" in arm64.obstacle(cell(matrix, "docker.distribution.latest"))


def test_an_engine_that_does_not_answer_is_the_obstacle(
    here: Machine, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_problem", lambda url: "no engine answers" if url == "podman" else "")

    assert here.obstacle(cell(matrix, "podman.distribution.latest")) == "no engine answers"
    assert here.obstacle(cell(matrix, "docker.distribution.latest")) == ""
    assert (here.usable("podman"), here.usable("docker")) == ((), ("docker",))


def test_one_of_several_engines_is_enough(matrix: Matrix, here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_problem", lambda url: "gone" if url.endswith("1") else "")
    several = Machine(ROOT, matrix, {"docker": ("tcp://a:1", "tcp://a:2")}, architecture="x86_64", reach=here.reach)

    assert several.obstacle(cell(matrix, "docker.distribution.latest")) == ""
    assert several.usable("docker") == ("tcp://a:2",)


def test_pinned_bases_need_pins_and_latest_ones_do_not(
    here: Machine, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "pins", lambda _: frozenset())

    assert "pins no digest of python:3.11-slim-bookworm" in here.obstacle(cell(matrix, "docker.distribution.pinned"))
    assert here.obstacle(cell(matrix, "docker.distribution.latest")) == ""


def test_a_registry_out_of_reach_is_the_obstacle_of_all_but_stand_ins(matrix: Matrix, here: Machine) -> None:
    alone = Machine(ROOT, matrix, architecture="x86_64", reach=lambda name: f"no registry gives out {name}")

    assert "no registry gives out" in alone.obstacle(cell(matrix, "docker.distribution.latest"))
    assert alone.obstacle(cell(matrix, "docker.distribution.stand-in")) == ""
    assert here.obstacle(cell(matrix, "docker.distribution.latest")) == ""


def test_pins_are_the_upstream_images_with_a_digest(tmp_path: Path) -> None:
    lock = tmp_path / "bases.lock"
    assert pins(lock) == frozenset()

    lock.write_text(f'version = 1\n[upstream."a:1"]\ndigest = "sha256:{"0" * 64}"\n[upstream."b:2"]\n')
    assert pins(lock) == {"a:1"}


@pytest.mark.parametrize("content", [b"# \xff", b"version = 1\nupstream = 3\n"])
def test_a_damaged_lock_file_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    lock = tmp_path / "bases.lock"
    lock.write_bytes(content)

    with pytest.raises(HarnessError, match=r"bases\.lock: not "):
        pins(lock)


def test_the_kernel_is_asked_what_it_runs_arm64_programs_with(tmp_path: Path) -> None:
    assert emulation_here(tmp_path) == Emulation()

    (tmp_path / "qemu-aarch64").write_text("disabled\ninterpreter /usr/bin/qemu\n")
    assert emulation_here(tmp_path) == Emulation()

    (tmp_path / "qemu-aarch64").write_text("enabled\ninterpreter /nowhere/qemu\nflags: F\n")
    assert emulation_here(tmp_path).interpreter == "/nowhere/qemu"
