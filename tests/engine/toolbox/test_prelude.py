"""The prelude with files of a test for those of a container, and no name server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from image_harness.engine.toolbox import toolbox
from image_harness.engine.toolbox.busybox import find_busybox

from .conftest import require_busybox

PRELUDE = Path(toolbox.__file__).with_name("prelude.sh")
HOSTS = (
    "127.0.0.1 localhost box # legacy name\n10.0.0.7 seven#eight\n  # 10.0.0.9 nine\n10.0.0.8 seven\n::1 localhost\n"
)
Getent = Callable[..., tuple[int, str]]


@pytest.fixture
def getent(tmp_path: Path) -> Getent:
    require_busybox()
    (tmp_path / "hosts").write_text(HOSTS)
    (tmp_path / "passwd").write_text("root:x:0:0::/root:/x\n\nsvc:x:7:7::/:/x\n")
    (tmp_path / "group").write_text("root:x:0:\n\ntty:x:5:\n")
    text = PRELUDE.read_text().replace("/etc/", f"{tmp_path}/") + '\nnslookup() { return 1; }\ngetent "$@"'

    def run(*words: str) -> tuple[int, str]:
        command = [str(find_busybox()), "sh", "-c", text, "sh", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("name", ["legacy", "name", "#", "eight", "nine", "seven#eight", "127.0.0.1 localhost"])
def test_what_a_comment_says_is_no_name(getent: Getent, name: str) -> None:
    assert getent("ahosts", name) == (2, "")


@pytest.mark.parametrize(
    ("name", "addresses"),
    [("box", ["127.0.0.1"]), ("seven", ["10.0.0.7", "10.0.0.8"]), ("localhost", ["127.0.0.1", "::1"])],
)
def test_a_name_has_the_addresses_that_the_file_gives_it(getent: Getent, name: str, addresses: list[str]) -> None:
    assert getent("ahosts", name) == (0, "".join(f"{address} STREAM {name}\n" for address in addresses))


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "255.255.255.255", "10.1.2.3", "::", "::1", "1::", "fe80::1%eth0", "2001:DB8::a:b", "1:2:3:4:5:6:7:8",
     "1:2:3:4:5:6:7::", "::ffff:10.0.0.1", "1:2:3:4:5:6:10.0.0.1"],
)  # fmt: skip
def test_an_address_is_its_own(getent: Getent, address: str) -> None:
    assert getent("ahosts", address) == (0, f"{address} STREAM {address}\n")


@pytest.mark.parametrize(
    "name",
    ["node1.rack2.dc3.zone4", "foo:bar", "300.1.1.999", "256.0.0.1", "1.2.3.4.5", "1.2.3", "1.2.3.4x", "1..2.3",
     "01.2.3.4", "1.2.3.0256", ":", ":::", "1:::2", "1::2::3", ":1", "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
     "1:2:3:4:5:6:7:8::", "12345::", "::g", "::256.0.0.1", "1.2.3.4::", "::1.2.3.4:5", "::1%", "%eth0", "a\\nb:c", ""],
)  # fmt: skip
def test_what_only_looks_like_an_address_is_none(getent: Getent, name: str) -> None:
    assert getent("ahosts", name) == (2, "")


def test_addresses_are_told_apart_by_family(getent: Getent) -> None:
    assert getent("ahostsv4", "localhost") == (0, "127.0.0.1 STREAM localhost\n")
    assert getent("ahostsv6", "localhost") == (0, "::1 STREAM localhost\n")
    assert getent("ahostsv4", "::1") == (2, "")


@pytest.mark.parametrize("database", ["passwd", "group"])
def test_an_empty_name_is_nobody_s(getent: Getent, database: str) -> None:
    assert getent(database, "") == (2, "")
    assert getent(database, "root")[0] == getent(database, "0")[0] == 0
    assert getent(database, "x") == (2, "")


def test_without_a_name_all_are_told(getent: Getent, tmp_path: Path) -> None:
    for database in ("passwd", "group"):
        assert getent(database) == (0, (tmp_path / database).read_text())
    assert getent("shadow") == (2, "")
