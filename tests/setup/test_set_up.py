"""What a run without options does to a machine, and what it leaves alone."""

from __future__ import annotations

import json
import re
import shutil
import time

import pytest

from tests.setup.machine import DEBIAN_13, FEDORA, Machine


def states(output: str) -> list[str]:
    return re.findall(r"^(?:engine|buildx|arm64 \S+|free disk|packages) +(ok|missing|note) ", output, re.MULTILINE)


def test_an_empty_machine_gets_all_that_is_needed(machine: Machine) -> None:
    done = machine.run()
    assert (done.status, done.errors) == (0, "")
    assert states(done.output) == ["ok"] * 5
    assert json.loads((machine.root / "etc/docker/daemon.json").read_text()) == {
        "features": {"containerd-snapshotter": True}
    }


def test_each_thing_is_said_before_it_is_done(machine: Machine) -> None:
    (machine.state / "apt-fails").write_text("E: nothing works today\n")
    done = machine.run()
    assert done.output.splitlines()[-1].startswith("installing 13 packages: docker.io ")
    assert done.errors == (
        "qemu-setup.sh: installing packages failed: nothing works today (log: /var/log/lucid-image-setup/setup.log)\n"
    )


def test_a_second_run_does_nothing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    first = machine.sh("qemu-setup.sh -q; echo $?")
    middle = time.monotonic()
    done = machine.sh(
        "qemu-setup.sh -q; before=$(</var/lib/lucid-image-setup/journal); qemu-setup.sh; status=$?; "
        '[[ $before == "$(</var/lib/lucid-image-setup/journal)" ]] && exit $status'
    )
    assert first.output == "0\n"
    assert (done.status, done.errors) == (0, "")
    assert done.output.splitlines()[0] == "nothing to do"
    with capsys.disabled():
        print(f" [first run {middle - begin:.2f} s on the make-believe machine]", end="")


def test_the_next_release_is_weighted_below_the_machines_own(machine: Machine) -> None:
    machine.run()
    pin = (machine.root / "etc/apt/preferences.d/lucid-image-setup.pref").read_text()
    assert pin == "Package: *\nPin: release n=trixie\nPin-Priority: 100\n"
    source = (machine.root / "etc/apt/sources.list.d/lucid-image-setup.sources").read_text()
    assert "URIs: http://mirror.invalid/debian\n" in source


def test_debian_13_needs_no_other_release(machine: Machine) -> None:
    (machine.root / "etc/os-release").write_text(DEBIAN_13)
    assert machine.run().status == 0
    assert not list((machine.root / "etc/apt/sources.list.d").glob("lucid*"))


def test_a_source_of_the_next_release_that_is_there_is_used(machine: Machine) -> None:
    ours = machine.root / "etc/apt/sources.list.d"
    (ours / "trixie.list").write_text("deb http://mirror.invalid/debian trixie main\n")
    assert machine.run().status == 0
    assert [file.name for file in ours.iterdir() if file.name.startswith("lucid")] == []


def test_packages_for_the_projects_own_tests_come_only_when_asked_for(machine: Machine) -> None:
    machine.run()
    assert "shellcheck" not in (machine.state / "packages").read_text()
    assert (
        machine.run("--tests")
        .row("packages")
        .endswith(" redis-server shellcheck chromium docker-registry postgresql cosign podman netavark runc iproute2")
    )
    assert "shellcheck" in (machine.state / "packages").read_text()


def test_an_engine_that_is_installed_but_rests_is_started_as_it_is(machine: Machine) -> None:
    machine.install("docker-ce", "docker-ce-cli", "docker.io", "docker-cli", "docker-buildx")
    config = machine.root / "etc/docker/daemon.json"
    config.parent.mkdir()
    config.write_text('{"features": {"containerd-snapshotter": true}, "debug": true}\n')
    done = machine.run()
    assert done.status == 0
    assert "starting the engine" in done.output
    assert json.loads(config.read_text())["debug"] is True
    assert "docker.io" not in machine.journal.read_text()


def test_an_engine_that_runs_is_left_as_it_is(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli")
    done = machine.sh("dockerd & sleep 0.3; qemu-setup.sh; status=$?; [[ $(</run/docker.pid) == $! ]] && exit $status")
    assert (done.status, done.errors) == (0, "")
    assert not (machine.root / "etc/docker").exists()
    steps = {line.split("\t")[0] for line in machine.journal.read_text().splitlines()}
    assert steps.isdisjoint({"engine", "service", "data", "network", "group"})


def test_dockers_own_client_gets_dockers_own_buildx(machine: Machine) -> None:
    machine.install("docker-ce", "docker-ce-cli", "docker.io", "docker-cli")
    done = machine.sh("dockerd & sleep 0.3; qemu-setup.sh")
    assert "installing" in done.output
    packages = (machine.state / "packages").read_text().split()
    assert "docker-buildx-plugin" in packages
    assert "docker-buildx" not in packages


def test_an_older_client_that_comes_first_is_passed_over(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    shutil.move(machine.root / "programs/docker", machine.root / "opt/docker")
    machine.put_program("docker", "echo \"docker: 'buildx' is not a docker command.\" >&2; exit 1")
    done = machine.sh("PATH=$PATH:/opt; dockerd & sleep 0.3; qemu-setup.sh --check")
    assert "client /opt/docker" in done.row("buildx")


def test_a_client_that_answers_for_buildx_with_something_else_is_passed_over(machine: Machine) -> None:
    machine.put_program("docker", "echo 'buildah 1.28.2'")
    assert machine.run("--check").row("buildx").split()[1] == "missing"


def test_emulation_that_is_there_is_left_as_it_is(machine: Machine) -> None:
    machine.register_emulator("somebody-elses", "F")
    done = machine.run()
    assert done.status == 0
    assert "(binfmt_misc: somebody-elses, flag F)" in done.row("arm64 emulation")
    assert "qemu" not in machine.journal.read_text()


def test_emulation_without_flag_f_gets_a_second_entry(machine: Machine) -> None:
    machine.register_emulator("qemu-aarch64", "OC")
    done = machine.run()
    assert (done.status, done.errors) == (0, "")
    assert "binfmt\tqemu-aarch64-fixed\n" in machine.journal.read_text()


def test_an_arm64_machine_needs_no_emulation(machine: Machine) -> None:
    # It is an arm64 machine as far as it can be told from uname and from running a program.
    machine.register_emulator("silicon", "F")
    machine.put_program("uname", "echo aarch64")
    done = machine.run()
    assert done.status == 0
    assert done.row("arm64 (native)").split()[2:3] == ["ok"]
    assert "qemu" not in machine.journal.read_text()


def test_another_distribution_that_has_all_it_needs_is_fine(machine: Machine) -> None:
    machine.install("docker.io", "docker-cli", "docker-buildx")
    machine.register_emulator("qemu-aarch64", "F")
    (machine.root / "etc/os-release").write_text(FEDORA)
    done = machine.sh("dockerd & sleep 0.3; qemu-setup.sh")
    assert (done.status, done.errors) == (0, "")
    assert done.row("packages").split()[1] == "note"


def test_where_systemd_runs_it_starts_the_engine_and_stops_what_a_package_started(machine: Machine) -> None:
    machine.commands.append("mkdir -p run/systemd/system")
    machine.put_program("systemctl", 'echo "$*" >>/state/systemctl; case $1 in start) setsid dockerd & ;; esac')
    done = machine.run()
    assert (done.status, done.errors) == (0, "")
    assert (machine.state / "systemctl").read_text() == "disable --now redis-server.service\nstart docker\n"
    assert "service\tdocker\n" in machine.journal.read_text()


def test_quiet_prints_nothing(machine: Machine) -> None:
    done = machine.run("-q")
    assert (done.status, done.output, done.errors) == (0, "", "")


def test_no_colours_but_on_a_terminal(machine: Machine) -> None:
    on_a_terminal = "script -qec 'qemu-setup.sh --check' /dev/null"
    assert "\x1b" not in machine.run("--check").output
    assert "\x1b[31mmissing" in machine.sh(f"export TERM=xterm; {on_a_terminal}").output
    assert "\x1b" not in machine.sh(f"export TERM=xterm NO_COLOR=1; {on_a_terminal}").output


def test_help_names_every_option(machine: Machine) -> None:
    done = machine.run("--help")
    assert done.status == 0
    for option in ("--check", "--undo", "--tests", "-q, --quiet", "-h, --help"):
        assert option in done.output


@pytest.mark.parametrize(("status", "told"), [(0, True), (3, False)])
def test_a_service_that_its_package_starts_is_stopped_or_told(machine: Machine, status: int, told: bool) -> None:
    script = machine.root / "etc/init.d/docker-registry"
    script.parent.mkdir()
    script.write_text(f"#!/bin/bash\n[[ $1 == status ]] && exit {status}\nexit 1\n")
    script.chmod(0o755)

    done = machine.run("--tests")

    assert ("docker-registry could not be stopped: it may be listening on this machine" in done.errors) is told
