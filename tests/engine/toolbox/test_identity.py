from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.engine.toolbox.identity import home_directory, identity_of, machine_name

IDENTICAL = "0 0 4294967295\n"
ROOTLESS = "0 1000 1\n1 100000 65536\n"
DOCUMENT = {"Config": {"Env": ["PATH=/bin", "EMPTY=", "EQUALS=a=b"], "WorkingDir": "/app", "Hostname": "box"}}


def process(proc: Path, *, uid: int, gid: int, groups: str, id_map: str) -> None:
    entry = proc / "42"
    (entry / "root/etc").mkdir(parents=True)
    (entry / "root/etc/passwd").write_text("svc:x:65532:65532::/home/svc:/x\n")
    (entry / "status").write_text(f"Uid:\t9\t{uid}\t9\t9\nGid:\t9\t{gid}\t9\t9\nGroups:\t{groups}\n")
    (entry / "uid_map").write_text(id_map)
    (entry / "gid_map").write_text(id_map)


def test_it_is_that_of_the_first_process(tmp_path: Path) -> None:
    process(tmp_path, uid=65532, gid=65532, groups="65532 7", id_map=IDENTICAL)
    identity = identity_of(42, DOCUMENT, tmp_path)
    assert (identity.uid, identity.gid, identity.groups, identity.directory) == (65532, 65532, (65532, 7), "/app")
    assert identity.environment == {
        "HOSTNAME": "box",
        "HOME": "/home/svc",
        "PATH": "/bin",
        "EMPTY": "",
        "EQUALS": "a=b",
    }


def test_ids_are_those_inside_a_user_namespace(tmp_path: Path) -> None:
    process(tmp_path, uid=165531, gid=1000, groups="", id_map=ROOTLESS)
    identity = identity_of(42, DOCUMENT, tmp_path)
    assert (identity.uid, identity.gid, identity.groups) == (65532, 0, ())


def test_a_link_in_place_of_the_accounts_is_not_followed_out_of_the_container(tmp_path: Path) -> None:
    process(tmp_path, uid=65532, gid=65532, groups="", id_map=IDENTICAL)
    passwd = tmp_path / "42/root/etc/passwd"
    passwd.rename(tmp_path / "outside")
    passwd.symlink_to(tmp_path / "outside")
    assert identity_of(42, DOCUMENT, tmp_path).environment["HOME"] == "/"


def test_who_has_no_home_is_at_the_root() -> None:
    assert home_directory(5, "a:x:5:5:::/x\nbroken\n") == "/"


@pytest.mark.parametrize(("name", "expected"), [("arm64", "aarch64"), ("amd64", "x86_64"), ("riscv64", "riscv64")])
def test_machines_have_the_kernel_s_names(name: str, expected: str) -> None:
    assert machine_name(name) == expected
