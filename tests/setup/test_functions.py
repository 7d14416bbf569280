"""Small parts of the script on their own."""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.setup.machine import Machine

Call = Callable[..., str]

EM_AARCH64 = 0xB7


def test_the_probe_is_a_static_arm64_program(call: Call, tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    call("write_probe", str(probe))
    data = probe.read_bytes()
    assert data[:7] == b"\x7fELF\x02\x01\x01"
    kind, machine, _, entry, headers = struct.unpack_from("<HHIQQ", data, 16)
    assert (kind, machine) == (2, EM_AARCH64)
    segment_type, _, offset, address, _, size, _, _ = struct.unpack_from("<IIQQQQQQ", data, headers)
    assert (segment_type, offset, size) == (1, 0, len(data))
    assert data[entry - address :] == bytes.fromhex("400580d2 a80b80d2 010000d4")
    assert probe.stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(
    ("version", "minimum", "enough"),
    [("26.1.5+dfsg1", "24.0", True), ("20.10.24", "24.0", False), ("0.9.1", "0.10", False), ("0.10", "0.10", True)],
)
def test_versions_are_compared_number_by_number(call: Call, version: str, minimum: str, enough: bool) -> None:
    said = call("eval", f"if at_least {version} {minimum}; then echo yes; else echo no; fi")
    assert said == ("yes\n" if enough else "no\n")


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("W: Failed to fetch http://m  Temporary failure resolving 'm'", "check the network"),
        ("Err:1 http://m\n  Could not connect to m:80 (192.0.2.1), connection timed out", "check the network"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "free some space"),
        ("dpkg: error: cannot write: No space left on device", "free some space"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7", "wait until it has ended"),
        ("E: dpkg was interrupted, you must manually run", "dpkg --configure -a"),
        ("E: Unable to locate package x", "Unable to locate package x (log: "),
        ("", "apt-get gave no reason (log: "),
    ],
)
def test_what_apt_printed_becomes_one_line_of_advice(call: Call, printed: str, advice: str) -> None:
    said = call("apt_problem", given=printed)
    assert advice in said
    assert "\n" not in said


def test_free_space_is_that_of_the_nearest_folder_that_exists(call: Call, tmp_path: Path) -> None:
    assert call("free_gib", str(tmp_path / "not" / "there")) == call("free_gib", str(tmp_path))


def test_the_registration_gets_flag_f_whatever_the_package_says(call: Call, tmp_path: Path) -> None:
    rule = tmp_path / "qemu-aarch64.conf"
    line = ":qemu-aarch64:M::\\x7fELF:\\xff\\xff:/usr/libexec/qemu-binfmt/aarch64-binfmt-P:"
    for flags, expected in (("OP", "OPF"), ("OPF", "OPF"), ("", "F")):
        rule.write_text(f"# made by the package\n{line}{flags}\n")
        said = call("fix_rule", "mine", str(rule))
        assert said == line.replace(":qemu-aarch64:", ":mine:") + expected + "\n"


def test_showing_progress_runs_none_of_the_scripts_traps(machine: Machine) -> None:
    """A child that ends before bash has taken its parent's traps off would run them, and tidy up what is in use."""
    done = machine.sh(
        "source qemu-setup.sh; mkdir -p /var/log/lucid-image-setup; exec {JOURNAL_LOCK}</dev/null; set +e; "
        "trap 'echo tidied >&2' EXIT; for i in {1..300}; do run_slow true; done; trap - EXIT; echo done"
    )
    assert (done.output, done.errors) == ("done\n", "")
