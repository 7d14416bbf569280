from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor_build.errors import BuildError
from monitor_build.rootfs import RootFilesystem

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)


def archive(*members: tuple[str, bytes | str | None], mode: int = 0o755) -> tarfile.TarFile:
    """A package's data: bytes are a file, text is a hard link's target, nothing is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.mode, header.mtime, header.uname = mode, 1000, "root"
            if content is None:
                header.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                header.type, header.linkname = tarfile.LNKTYPE, content
            else:
                header.size = len(content)
            out.addfile(header, io.BytesIO(content) if isinstance(content, bytes) else None)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def written(rootfs: RootFilesystem, tmp_path: Path) -> dict[str, tarfile.TarInfo]:
    rootfs.write(tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        return {member.name: member for member in tar.getmembers()}


def test_packages_are_merged_and_the_first_ones_directory_stays(tmp_path: Path) -> None:
    rootfs = RootFilesystem(CLOCK)
    rootfs.unpack(archive(("./", None), ("./etc/", None), ("./etc/one", b"1"), mode=0o700))
    rootfs.unpack(archive(("./etc/", None), ("./etc/two", b"22"), mode=0o755))

    members = written(rootfs, tmp_path)

    assert list(members) == ["etc", "etc/one", "etc/two"]
    assert oct(members["etc"].mode) == "0o700"
    assert members["etc/two"].size == 2


def test_later_file_takes_the_earlier_ones_place(tmp_path: Path) -> None:
    rootfs = RootFilesystem(CLOCK)
    rootfs.unpack(archive(("./usr/lib/os-release", b"debian")))
    rootfs.file("/usr/lib/os-release", b"distroless")

    assert rootfs.read("/usr/lib/os-release") == b"distroless"
    assert oct(written(rootfs, tmp_path)["usr/lib/os-release"].mode) == "0o644"


def test_file_in_the_way_of_a_directory_is_told() -> None:
    rootfs = RootFilesystem(CLOCK)
    rootfs.unpack(archive(("./lib", b"x")))

    with pytest.raises(BuildError, match="/lib: a package has a file where another has a directory"):
        rootfs.unpack(archive(("./lib/", None)))


def test_only_a_folder_can_be_taken(tmp_path: Path) -> None:
    rootfs = RootFilesystem(CLOCK)
    rootfs.unpack(archive(("./a/b/c", b"1"), ("./a/bc", b"2"), ("./d", b"3")), below="/a/b")

    assert list(written(rootfs, tmp_path)) == ["a", "a/b", "a/b/c"]


def test_directory_gets_its_mode_and_owner_even_where_a_package_made_it(tmp_path: Path) -> None:
    rootfs = RootFilesystem(CLOCK)
    rootfs.unpack(archive(("./tmp/", None), ("./tmp/kept", b"")))
    rootfs.directory("/tmp", mode=0o1777, uid=1, gid=2)

    members = written(rootfs, tmp_path)

    assert (oct(members["tmp"].mode), members["tmp"].uid, members["tmp"].gid) == ("0o1777", 1, 2)
    assert "tmp/kept" in members


def test_hard_link_comes_after_what_it_points_to(tmp_path: Path) -> None:
    rootfs = RootFilesystem(CLOCK)
    rootfs.unpack(archive(("./z", b"content"), ("./a", "./z")))

    members = written(rootfs, tmp_path)

    assert list(members) == ["z", "a"]
    assert members["a"].linkname == "z"


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = RootFilesystem(CLOCK), RootFilesystem(CLOCK)
    first.unpack(archive(("./a", b"1"), ("./b", b"2")))
    second.unpack(archive(("./b", b"2"), ("./a", b"1")))
    first.write(tmp_path / "1.tar")
    second.write(tmp_path / "2.tar")

    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    assert written(first, tmp_path)["a"].uname == ""


def test_file_that_is_not_there_is_told() -> None:
    with pytest.raises(BuildError, match="/absent: no such file"):
        RootFilesystem(CLOCK).read("/absent")
