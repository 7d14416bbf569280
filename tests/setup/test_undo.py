"""Undo takes back what the script did and nothing else."""

from __future__ import annotations

import shutil

import pytest

from tests.setup.machine import Machine

NOTHING_LEFT = "everything that this script did here has been taken back"


def test_a_machine_is_afterwards_what_it_was(machine: Machine) -> None:
    before = machine.files()
    look = "ls /proc/sys/fs/binfmt_misc /run; cat /proc/[0-9]*/comm"
    done = machine.sh(f"qemu-setup.sh -q && qemu-setup.sh --undo && {{ {look}; }}")
    assert (done.status, done.errors) == (0, "")
    assert NOTHING_LEFT in done.output
    assert "dockerd" not in done.output.split(NOTHING_LEFT)[1]
    assert "qemu" not in done.output.split(NOTHING_LEFT)[1]
    assert machine.files() == before
    assert (machine.state / "packages").read_text() == ""


def test_without_a_journal_there_is_nothing_to_do(machine: Machine) -> None:
    done = machine.run("--undo")
    assert (done.status, done.output) == (0, "nothing to take back: no journal at /var/lib/lucid-image-setup/journal\n")


def test_what_was_there_before_stays(machine: Machine) -> None:
    machine.install("mmdebstrap", "arch-test", "qemu-user-static")
    (machine.root / "etc/docker").mkdir()
    (machine.root / "var/lib/docker/volumes/mine").mkdir(parents=True)
    (machine.root / "etc/group").write_text("root:x:0:\ndocker:x:7:\n")
    before = machine.files()
    machine.sh("qemu-setup.sh -q && qemu-setup.sh --undo")
    # The engine itself has made a folder in its data, which was not ours to begin with.
    shutil.rmtree(machine.root / "var/lib/docker/containers")
    assert machine.files() == before
    assert (machine.state / "packages").read_text().split("\n")[:3] == [
        "mmdebstrap 13.1", "arch-test 13.1", "qemu-user-static 13.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "work",
    [
        "var/lib/docker/volumes/data",
        "var/lib/docker/containers/0123",
        "var/lib/docker/image/overlay2/imagedb/content/sha256/0123",
        "var/lib/docker/containerd/daemon/io.containerd.content.v1.content/blobs/sha256/0123",
        "var/lib/containerd/io.containerd.content.v1.content/blobs/sha256/0123",
    ],
)
def test_images_containers_and_volumes_are_kept(machine: Machine, work: str) -> None:
    done = machine.sh(f"qemu-setup.sh -q && mkdir -p /{work} && qemu-setup.sh --undo")
    assert done.status == 0
    assert "it holds images, containers or volumes; 'rm -r /var/lib/docker' deletes them" in done.output
    assert (machine.root / work).exists()
    assert (machine.root / "var/lib/docker").exists()


def test_a_configuration_that_was_changed_since_is_kept(machine: Machine) -> None:
    config = machine.root / "etc/docker/daemon.json"
    done = machine.sh("qemu-setup.sh -q && echo '{}' >/etc/docker/daemon.json && qemu-setup.sh --undo")
    assert done.status == 0
    assert "keeping /etc/docker/daemon.json: it was changed after this script wrote it" in done.output
    assert config.read_text() == "{}\n"


def test_an_upgraded_package_is_put_back(machine: Machine) -> None:
    machine.install("docker.io=20.10")
    (machine.state / "dockerd-version").write_text("20.10.24\n")
    done = machine.sh(
        "qemu-setup.sh >/dev/null; rm /state/dockerd-version; grep docker.io /state/packages; qemu-setup.sh --undo"
    )
    assert done.output.startswith("docker.io 13.1\n")
    assert "putting back docker.io 20.10" in done.output
    assert "docker.io 20.10" in (machine.state / "packages").read_text()


def test_an_engine_that_somebody_else_started_since_is_left_alone(machine: Machine) -> None:
    machine.run("-q")
    # That was before the machine was started again, as it were: the process of then is gone.
    done = machine.sh("dockerd & sleep 0.3; qemu-setup.sh --undo; kill -0 $! && echo alive")
    assert "alive" in done.output
    assert "keeping /var/lib/docker: an engine runs on it" in done.errors
    assert machine.journal.exists()


def test_a_run_that_was_cut_off_can_be_undone(machine: Machine) -> None:
    before = machine.files()
    (machine.state / "apt-fails").write_text("E: cut off\n")
    machine.run()
    (machine.state / "apt-fails").unlink()
    assert machine.journal.read_text().count("package\t") == 13
    assert machine.run("--undo").status == 0
    assert machine.files() == before


def test_a_run_that_was_killed_can_be_undone(machine: Machine) -> None:
    before = machine.files()
    hang = "touch /state/hangs; sleep 60"
    real = (machine.root / "programs/apt-get").read_text()
    machine.put_program("apt-get", f"[[ $1 == -s || $* != *' install '* ]] || {{ {hang}; }}\n{real}")
    before["programs/apt-get"] = (machine.root / "programs/apt-get").read_bytes()
    kill = "until [[ -e /state/hangs ]]; do sleep 0.1; done; kill -9 $!; pkill -9 apt-get"
    done = machine.sh(f"qemu-setup.sh -q & {kill}; qemu-setup.sh --undo")
    assert NOTHING_LEFT in done.output
    # Nobody could tidy up the temporary folder of what was killed.
    assert {name: content for name, content in machine.files().items() if not name.startswith("tmp/")} == before


def test_a_run_that_was_interrupted_says_how_to_go_on(machine: Machine) -> None:
    machine.put_program("apt-get", "touch /state/hangs; sleep 60")
    done = machine.sh(
        "env --default-signal=INT setsid qemu-setup.sh & until [[ -e /state/hangs ]]; do sleep 0.1; done; "
        "kill -INT -- -$!; wait $!; echo status $?"
    )
    assert done.output.endswith("status 130\n")
    assert done.errors.splitlines() == [
        "qemu-setup.sh: interrupted: run this again to go on, or 'qemu-setup.sh --undo' to take back what was done"
    ]


def test_a_line_that_was_cut_off_while_it_was_written_does_not_count(machine: Machine) -> None:
    before = machine.files()
    done = machine.sh("qemu-setup.sh -q && printf 'pack' >>/var/lib/lucid-image-setup/journal; qemu-setup.sh --undo")
    assert (done.status, done.errors) == (0, "")
    assert machine.files() == before


@pytest.mark.parametrize("line", ["rm -rf /", "package", "file\t/etc/passwd", "data\trelative", ""])
def test_a_journal_with_a_foreign_line_is_not_carried_out(machine: Machine, line: str) -> None:
    machine.run("-q")
    with machine.journal.open("a") as journal:
        journal.write(line + "\n")
    before = machine.files()
    done = machine.run("--undo")
    assert done.status == 1
    number = machine.journal.read_text().count("\n")
    assert done.errors == (
        f"qemu-setup.sh: /var/lib/lucid-image-setup/journal line {number} was not written by this script: "
        "correct or delete that line, then run this again\n"
    )
    assert machine.files() == before


def test_a_package_manager_at_work_stops_it(machine: Machine) -> None:
    real = (machine.root / "programs/dpkg").read_text()
    locked = "echo 'dpkg: error: dpkg frontend lock was locked by another process with pid 7'; exit 2"
    machine.run("-q")
    machine.put_program("dpkg", f"[[ $1 != --remove ]] || {{ {locked}; }}\n{real}")
    done = machine.run("--undo")
    assert done.status == 1
    assert "another package manager is at work" in done.errors
    assert machine.journal.exists()


def test_undo_twice(machine: Machine) -> None:
    done = machine.sh("qemu-setup.sh -q && qemu-setup.sh -q --undo && qemu-setup.sh --undo")
    assert (done.status, done.errors) == (0, "")
