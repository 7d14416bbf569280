"""What the script says, in one line, when it cannot do its work."""

from __future__ import annotations

import pytest

from tests.setup.machine import FEDORA, Machine, Outcome


def only_line(done: Outcome) -> str:
    """The one line of the error."""
    assert done.status == 1, done
    assert done.errors.startswith("qemu-setup.sh: ")
    assert done.errors.count("\n") == 1, done.errors
    return done.errors


def test_an_unknown_option(machine: Machine) -> None:
    assert "unknown option '--chekc': 'qemu-setup.sh --help'" in only_line(machine.run("--chekc"))


@pytest.mark.parametrize("modes", [("--check", "--undo"), ("--undo", "--check"), ("--undo", "-q", "--check")])
def test_two_modes_at_once(machine: Machine, modes: tuple[str, ...]) -> None:
    machine.run()
    before = machine.files()
    assert "--check and --undo are two things to do: say one of them" in only_line(machine.run(*modes))
    assert machine.files() == before


def test_not_root(machine: Machine) -> None:
    before = machine.files()
    done = machine.sh("unshare --user qemu-setup.sh")
    assert "setting up needs root: run 'sudo " in only_line(done)
    assert machine.files() == before


def test_a_socket_that_is_closed_to_this_user(machine: Machine) -> None:
    refusal = "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1"
    machine.put_program("docker", refusal)
    assert "is closed to user root: run this as root, or join group docker" in only_line(machine.run())


def test_an_unknown_distribution(machine: Machine) -> None:
    (machine.root / "etc/os-release").write_text(FEDORA)
    line = only_line(machine.run())
    assert "this is Fedora Linux 40, not Debian 12 or later" in line
    assert "docker.io" in line


def test_no_distribution_at_all(machine: Machine) -> None:
    (machine.root / "etc/os-release").unlink()
    assert "not Debian 12 or later" in only_line(machine.run())


def test_an_older_debian(machine: Machine) -> None:
    (machine.root / "etc/os-release").write_text('PRETTY_NAME="Debian 11"\nID=debian\nVERSION_ID="11"\n')
    assert "this is Debian 11, not Debian 12 or later" in only_line(machine.run())


@pytest.mark.parametrize("lists", ["", "lists-bookworm"])
def test_no_network(machine: Machine, lists: str) -> None:
    (machine.state / "offline").touch()
    if lists:
        (machine.state / lists).touch()
    assert "the package mirror is out of reach; check the network" in only_line(machine.run())


def test_no_binfmt_misc_in_the_kernel(machine: Machine) -> None:
    (machine.root / "filesystems").write_text("nodev\tproc\n\text4\n")
    machine.commands.append("mount --bind filesystems proc/filesystems")
    assert "this kernel has no binfmt_misc, so it cannot run arm64 programs" in only_line(machine.run())


def test_binfmt_misc_switched_off(machine: Machine) -> None:
    folder = "proc/sys/fs/binfmt_misc"
    machine.commands += [f"mount -t binfmt_misc binfmt_misc {folder}", f"echo 0 >{folder}/status"]
    assert "binfmt_misc is switched off" in only_line(machine.run())


@pytest.mark.parametrize("folder", ["var/lib", "var/cache/apt"])
def test_a_disk_that_is_nearly_full(machine: Machine, folder: str) -> None:
    machine.commands.append(f"mount -t tmpfs -o size=16M tmpfs {folder}")
    before = machine.files()
    assert "the disk is nearly full: 0 GiB free at /" + folder in only_line(machine.run())
    assert machine.files() == before


@pytest.mark.parametrize("folder", ["tmp", "var/lib/lucid-image-setup", "var/log/lucid-image-setup", "etc/docker"])
def test_a_disk_that_is_full(machine: Machine, folder: str) -> None:
    (machine.root / folder).mkdir(parents=True, exist_ok=True)
    machine.commands += [f"mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs {folder}", f"head -c 4096 /dev/zero >{folder}/x"]
    assert "is the disk full" in only_line(machine.run())


def test_a_package_that_would_be_removed_stops_everything(machine: Machine) -> None:
    (machine.state / "conflict").write_text("podman-docker\n")
    assert "would remove podman-docker" in only_line(machine.run())
    assert "package\t" not in machine.journal.read_text()


def test_an_engine_that_ends_again(machine: Machine) -> None:
    (machine.state / "engine-fails").touch()
    assert "the engine ended again: failed to start daemon: Devices cgroup is not mounted" in only_line(machine.run())


@pytest.mark.parametrize(
    ("fault", "content", "words"),
    [("engine-version", "20.10.24", "version 20.10.24 is too old"), ("classic", "", "containerd-snapshotter")],
)
def test_a_running_engine_that_lacks_something(machine: Machine, fault: str, content: str, words: str) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    (machine.state / fault).write_text(content)
    line = only_line(machine.sh("dockerd & sleep 0.3; qemu-setup.sh"))
    assert "runs already and is not changed by this script: " in line
    assert words in line
    assert not machine.journal.exists()


def test_buildx_that_would_replace_the_running_engine(machine: Machine) -> None:
    machine.install("docker.io=20.10", "docker-cli=20.10")
    (machine.state / "dockerd-version").write_text("26.1.5")
    done = machine.sh("dockerd & sleep 0.3; qemu-setup.sh")
    assert "installing buildx would replace parts of the running engine ( docker-cli )" in only_line(done)


def test_an_engine_elsewhere_that_does_not_answer(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    done = machine.run(environment={"DOCKER_HOST": "tcp://192.0.2.1:2375"})
    assert "no engine answers at tcp://192.0.2.1:2375: start it, or unset DOCKER_HOST" in only_line(done)


def test_two_at_once(machine: Machine) -> None:
    machine.run("-q")
    done = machine.sh("exec 9>/var/lib/lucid-image-setup/lock; flock 9; qemu-setup.sh")
    assert "another qemu-setup.sh is at work" in only_line(done)


def test_a_fault_that_nobody_has_foreseen(machine: Machine) -> None:
    machine.put_program("sha256sum", "exit 3")
    done = machine.run()
    assert done.status != 0
    assert "stopped at line " in done.errors
