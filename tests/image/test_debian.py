"""Package databases are read in both forms, and their claims compared with the files."""

from __future__ import annotations

import hashlib

import pytest

from image_harness.image import ImageError
from image_harness.image.debian import (
    DebianPackage,
    checksums,
    debian_packages,
    has_dpkg_database,
    verify_md5sums,
)
from image_harness.image.problems import FileProblem, ProblemKind
from tests.image.builder import Open, symlink

STANZA = """Package: libc6
Version: {version}
Architecture: arm64
Xb-Origin: https://somewhere
Maintainer: Caf\N{LATIN SMALL LETTER E WITH ACUTE}
Depends: libgcc-s1,
 libcrypt1 (>= 1:4.4)
Description: GNU C Library
 Shared libraries
 .
 More: not a field
"""


def _status_d(name: str = "libc6", sums: str = "") -> dict[str, bytes]:
    return {
        f"var/lib/dpkg/status.d/{name}": STANZA.format(version="2.36-9+deb12u9")
        .replace("libc6", name, 1)
        .encode("latin-1"),
        f"var/lib/dpkg/status.d/{name}.md5sums": sums.encode(),
    }


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_distroless_packages_are_read_from_their_directory(open_layers: Open) -> None:
    first, second = debian_packages(open_layers({**_status_d("zlib1g"), **_status_d("libc6")}))
    assert (first.name, first.version, first.architecture) == ("libc6", "2.36-9+deb12u9", "arm64")
    assert first.upstream_version == "2.36"
    assert first.database == "/var/lib/dpkg/status.d/libc6"
    assert first.checksums == "/var/lib/dpkg/status.d/libc6.md5sums"
    assert first.fields["Xb-Origin"] == "https://somewhere"
    assert first.fields["Maintainer"] == "Caf\udce9"
    assert first.fields["Depends"] == "libgcc-s1,\nlibcrypt1 (>= 1:4.4)"
    assert first.fields["Description"].endswith("More: not a field")
    assert second.name == "zlib1g"


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("2.36-9+deb12u9", "2.36"), ("1:4.4.33-2", "4.4.33"), ("20230311", "20230311"), ("3.11.2-6-1", "3.11.2-6")],
)
def test_the_upstream_version_has_neither_epoch_nor_revision(version: str, upstream: str) -> None:
    assert DebianPackage("a", version, "all", "", None, {}).upstream_version == upstream


def test_dpkgs_own_database_lists_what_is_installed(open_layers: Open) -> None:
    status = "\n".join(
        f"Package: {name}\nStatus: {status}\nVersion: 1\nArchitecture: arm64\n"
        for name, status in (
            ("gcc", "install ok installed"),
            ("removed", "deinstall ok config-files"),
            ("half", "install ok half-installed"),
            ("multi", "install ok installed"),
        )
    )
    fs = open_layers(
        {
            "var/lib/dpkg/status": status.encode(),
            "var/lib/dpkg/info/gcc.md5sums": b"",
            "var/lib/dpkg/info/multi:arm64.md5sums": b"",
        }
    )
    assert has_dpkg_database(fs)
    assert [(package.name, package.checksums) for package in debian_packages(fs)] == [
        ("gcc", "/var/lib/dpkg/info/gcc.md5sums"),
        ("multi", "/var/lib/dpkg/info/multi:arm64.md5sums"),
    ]


def test_an_image_without_packages_has_none(open_layers: Open) -> None:
    fs = open_layers({"a": b""})
    assert debian_packages(fs) == ()
    assert not has_dpkg_database(fs)


def test_files_that_are_missing_or_changed_are_told(open_layers: Open) -> None:
    sums = "".join(
        f"{_md5(content)}  {path}\n"
        for path, content in (
            ("usr/lib/good", b"good"),
            ("./lib/linked", b"linked"),
            ("/usr/lib/absolute", b"absolute"),
            ("usr/share/doc/with two  blanks", b"x"),
            ("usr/lib/changed", b"before"),
            ("usr/lib/absent", b""),
            ("usr/share", b""),
        )
    )
    fs = open_layers(
        {
            **_status_d(sums=sums),
            "lib": symlink("usr/lib"),
            "usr/lib/good": b"good",
            "usr/lib/linked": b"linked",
            "usr/lib/absolute": b"absolute",
            "usr/share/doc/with two  blanks": b"x",
            "usr/lib/changed": b"after",
        }
    )
    (package,) = debian_packages(fs)
    assert list(checksums(fs, package))[:3] == ["/usr/lib/good", "/lib/linked", "/usr/lib/absolute"]
    assert len(checksums(fs, package)) == 7
    assert verify_md5sums(fs, package) == (
        FileProblem("/usr/lib/changed", ProblemKind.CHANGED, _md5(b"before"), _md5(b"after")),
        FileProblem("/usr/lib/absent", ProblemKind.MISSING, _md5(b""), None),
        FileProblem("/usr/share", ProblemKind.MISSING, _md5(b""), None),
    )


def test_each_package_has_problems_of_its_own(open_layers: Open) -> None:
    files = {**_status_d("a", f"{_md5(b'')}  absent\n"), **_status_d("b", f"{_md5(b'')}  there\n"), "there": b""}
    fs = open_layers(files)
    assert [len(verify_md5sums(fs, package)) for package in debian_packages(fs)] == [1, 0]


def test_a_database_of_dpkg_without_a_name_is_told(open_layers: Open) -> None:
    stanza = b"Version: 1\nStatus: install ok installed\n\nPackage: no-status\n"
    with pytest.raises(ImageError, match=r"/var/lib/dpkg/status: a stanza has no Package$"):
        debian_packages(open_layers({"var/lib/dpkg/status": stanza}))
    assert debian_packages(open_layers({"var/lib/dpkg/status": b"Package: no-status\n"})) == ()


def test_a_package_of_no_files_claims_nothing(open_layers: Open) -> None:
    fs = open_layers(_status_d(sums=""))
    (package,) = debian_packages(fs)
    assert (checksums(fs, package), verify_md5sums(fs, package)) == ({}, ())


def test_a_package_without_sums_claims_nothing(open_layers: Open) -> None:
    files = _status_d()
    del files["var/lib/dpkg/status.d/libc6.md5sums"]
    fs = open_layers(files)
    (package,) = debian_packages(fs)
    assert (package.checksums, checksums(fs, package), verify_md5sums(fs, package)) == (None, {}, ())


@pytest.mark.parametrize(
    ("stanza", "message"),
    [
        ("Version: 1\nArchitecture: all\n", "a stanza has no Package"),
        ("Package: a\nVersion:\nArchitecture: all\n", "a stanza has no Version"),
        ("Package: a\nVersion: 1\n", "a stanza has no Architecture"),
        ("Package: a\nVersion: 1\nArchitecture: all\n\n continues nothing\n", "line 5 is no field"),
        ("Package: a\nno field\n", "line 2 is no field"),
        ("Package: a\nPackage: b\n", "line 2 is no field, or one that is there already"),
        (" begins with a continuation\n", "line 1 is no field"),
    ],
)
def test_a_malformed_database_is_told_with_its_line(open_layers: Open, stanza: str, message: str) -> None:
    with pytest.raises(ImageError, match=f"/var/lib/dpkg/status.d/a: {message}"):
        debian_packages(open_layers({"var/lib/dpkg/status.d/a": stanza.encode()}))


@pytest.mark.parametrize(
    "line", ["d41d8cd98f00b204e9800998ecf8427e", "xyz  usr/lib/a", "D41D8CD98F00B204E9800998ECF8427E  a"]
)
def test_a_malformed_list_of_sums_is_told_with_its_line(open_layers: Open, line: str) -> None:
    fs = open_layers(_status_d(sums=f"{_md5(b'')}  good\n{line}\n"))
    (package,) = debian_packages(fs)
    with pytest.raises(ImageError, match=r"libc6.md5sums: line 2 is no MD5 sum and path"):
        verify_md5sums(fs, package)
