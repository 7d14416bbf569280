"""Accounts are read from the image's files, never from the host's."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.image import ImageError
from image_harness.image.accounts import Accounts, Group, User, accounts
from tests.image.builder import ImageBuilder, open_built, symlink

PASSWD = b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65533:Non, \xe9root:/home/nonroot:/bin/sh\n"
GROUPS = b"root:x:0:\nstaff:x:50:root,nonroot\n"


def test_users_and_groups_are_found_by_name_and_number(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"etc/passwd": PASSWD, "etc/group": GROUPS}), tmp_path) as image:
        found = accounts(image.filesystem)
    nonroot = User("nonroot", 65532, 65533, "Non, \udce9root", "/home/nonroot", "/bin/sh")
    assert found.users[1] == found.user("nonroot") == found.user(65532) == nonroot
    assert found.group("staff") == found.group(50) == Group("staff", 50, ("root", "nonroot"))
    assert found.user("65532") is None
    assert found.group(51) is None


def test_the_largest_ids_are_read(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"etc/group": b"last:x:4294967295:\n"}), tmp_path) as image:
        assert accounts(image.filesystem).group("last") == Group("last", 2**32 - 1, ())


def test_an_image_without_the_files_has_no_accounts(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"a": b""}), tmp_path) as image:
        assert accounts(image.filesystem) == Accounts((), ())


def test_a_link_out_of_the_image_does_not_reach_the_hosts_accounts(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"etc/passwd": symlink("../../../../../../etc/real")}), tmp_path) as image:
        assert accounts(image.filesystem) == Accounts((), ())


@pytest.mark.parametrize(
    ("path", "line", "message"),
    [
        ("etc/passwd", b"root:x:0:0\n", "/etc/passwd: line 1 has 4 fields, not 7"),
        ("etc/passwd", PASSWD + b"a:x:b:0:::\n", "/etc/passwd: 'b' is no user or group ID"),
        ("etc/passwd", b"a:x:-1:0:::\n", "'-1' is no user or group ID"),
        ("etc/passwd", b"a:x:1:b:::\n", "/etc/passwd: 'b' is no user or group ID"),
        ("etc/group", b"a:x:99999999999:\n", "/etc/group: '99999999999' is no user or group ID"),
        ("etc/group", b"a:x:" + b"9" * 200 + b":\n", f"'{'9' * 80}' is no user or group ID"),
        ("etc/group", b"\n\na:x:1\n", "/etc/group: line 3 has 3 fields, not 4"),
    ],
)
def test_a_malformed_line_is_told(tmp_path: Path, path: str, line: bytes, message: str) -> None:
    with (
        open_built(ImageBuilder().layer({path: line}), tmp_path) as image,
        pytest.raises(ImageError, match=message),
    ):
        accounts(image.filesystem)
