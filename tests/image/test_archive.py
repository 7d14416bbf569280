"""Archives are read without unpacking; damaged and hostile ones end in one line."""

from __future__ import annotations

import os
import tarfile
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_harness.image import Image, ImageError, ImageReference, open_image
from image_harness.image.archive import ArchiveSource, open_archive
from image_harness.image.blobs import Blob
from tests.image import builder
from tests.image.builder import ImageBuilder, Node, compress, hard_link, symlink, tar

IMAGE = ImageBuilder().layer({"a": b"1"}).layer({"b": b"2"})


def _open(path: Path, transport: str = "docker-archive", suffix: str = "") -> Image:
    return open_image(ImageReference.parse(f"{transport}:{path}{suffix}"))


def _write(path: Path, files: dict[str, Node | bytes]) -> Path:
    path.write_bytes(tar(files))
    return path


class TestMembers:
    def test_names_that_begin_with_a_dot_are_found(self, tmp_path: Path) -> None:
        files: dict[str, Node | bytes] = {f"./{name}": data for name, data in IMAGE.layout().items()}
        _open(_write(tmp_path / "a.tar", files), "oci-archive").close()

    def test_a_member_that_is_there_twice_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tar"
        files = IMAGE.layout()
        path.write_bytes(tar([*files.items(), ("./index.json", b"{}")]))
        with pytest.raises(ImageError, match=r"index.json is there twice"):
            _open(path, "oci-archive")

    @pytest.mark.parametrize(
        ("node", "message"),
        [
            (symlink("index.json"), "index.json: is a loop of links"),
            (symlink("/etc/passwd"), "index.json: is neither a file nor a link to one"),
            (symlink("../../etc/passwd"), "index.json: is neither a file nor a link to one"),
            (hard_link("absent"), "index.json: is neither a file nor a link to one"),
            (Node(kind=tarfile.CHRTYPE, device=(1, 5)), "index.json: is neither a file nor a link to one"),
            (
                Node(b"x", pax={"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"}),
                "index.json is stored as a sparse file",
            ),
        ],
    )
    def test_a_member_that_is_no_file_of_the_archive_is_refused(self, tmp_path: Path, node: Node, message: str) -> None:
        with pytest.raises(ImageError, match=message):
            _open(_write(tmp_path / "a.tar", {**IMAGE.layout(), "index.json": node}), "oci-archive")

    def test_a_symbolic_link_starts_from_its_own_folder_and_a_hard_link_from_the_top(self, tmp_path: Path) -> None:
        files: dict[str, Node | bytes] = dict(IMAGE.layout())
        one, other, *_ = (name for name in files if name.startswith("blobs/"))
        files["blobs/kept/one"], files[one] = files[one], symlink("../kept/one")
        files["blobs/kept/other"], files[other] = files[other], hard_link("blobs/kept/other")
        with _open(_write(tmp_path / "a.tar", files), "oci-archive") as image:
            assert image.filesystem.read_bytes("/b") == b"2"

    def test_only_large_members_that_look_like_layers_are_read_ahead(self, tmp_path: Path) -> None:
        layer = tar({"a": os.urandom(100_000)})
        files: dict[str, Node | bytes] = {
            "plain": layer,
            "gzip": compress(layer, "gzip"),
            "zstd": compress(layer, "zstd"),
            "json": b"[" + b" " * 100_000 + b"]",
            "small": tar({"a": b""}),
            "link": symlink("plain"),
        }
        found: list[Blob] = []
        with ExitStack() as opened:
            ArchiveSource(open_archive(_write(tmp_path / "a.tar", files), opened), opened, found.append)
            assert [blob.where.rpartition(":")[2] for blob in found] == ["plain", "gzip", "zstd"]
            assert found[0].read_all(1 << 20) == layer

    def test_folders_may_be_listed_as_often_as_one_likes(self, tmp_path: Path) -> None:
        folders: list[tuple[str, Node | bytes]] = [("blobs/", builder.directory()), ("blobs/", builder.directory())]
        (tmp_path / "a.tar").write_bytes(tar([*folders, *IMAGE.layout().items()]))
        _open(tmp_path / "a.tar", "oci-archive").close()

    def test_more_members_than_the_limit_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("image_harness.image.archive.ARCHIVE_MEMBERS", 10)
        with pytest.raises(ImageError, match="has more than 10 members"):
            _open(_write(tmp_path / "a.tar", {str(number): b"" for number in range(11)}))


class TestFiles:
    @pytest.mark.parametrize("how", ["none", "gzip", "zstd"])
    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
    def test_a_truncated_archive_is_refused(self, tmp_path: Path, how: str, kept: float) -> None:
        path = tmp_path / "a.tar"
        builder.write_archive(ImageBuilder().layer({"a": os.urandom(200_000)}).layout(), path, how=how)
        os.truncate(path, int(path.stat().st_size * kept))
        with pytest.raises(ImageError, match=r"cut off|is damaged|no OCI layout|is missing"):
            _open(path, "oci-archive")

    def test_what_is_no_archive_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_bytes(b"hello\n" * 1000)
        (tmp_path / "empty").touch()
        (tmp_path / "cut").write_bytes(tar({"a": b"x" * 2000})[:1500])
        os.mkfifo(tmp_path / "pipe")
        for name, message in [
            ("absent", "no image archive: No such file"),
            ("text", r"the checksum .* is not octal \(tar offset 0\)$"),
            ("empty", "no docker archive: it has no manifest.json"),
            ("pipe", "no image archive: it is not a regular file$"),
            (".", "no image archive: it is not a regular file$"),
            ("cut", "the archive is cut off$"),
        ]:
            with pytest.raises(ImageError, match=f"^{tmp_path / name}: {message}"):
                _open(tmp_path / name)

    @pytest.mark.parametrize(
        ("limit", "message"),
        [("IMAGE_BYTES", "expands to more than 1000 bytes"), ("METADATA_BYTES", "has more than 1000 bytes of names")],
    )
    def test_an_archive_over_a_limit_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, message: str
    ) -> None:
        path = tmp_path / "a.tar.gz"
        path.write_bytes(compress(tar({"n" * 2000: b""}), "gzip"))
        monkeypatch.setattr(f"image_harness.image.budget.{limit}", 1000)
        with pytest.raises(ImageError, match=message) as caught:
            _open(path)
        assert str(caught.value).startswith(f"{path}: ")

    def test_an_archive_that_there_is_no_room_to_expand_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.tar.gz"
        path.write_bytes(compress(tar({"a": b""}), "gzip"))
        monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
        with pytest.raises(ImageError, match="no room for the uncompressed data in /nonexistent") as caught:
            _open(path)
        assert str(caught.value).startswith(f"{path}: ")

    def test_an_archive_that_shrinks_while_it_is_open_is_told(self, tmp_path: Path) -> None:
        build = ImageBuilder(compression="none").layer({"a": b"x" * 100_000})
        path = tmp_path / "a.tar"
        builder.write_archive(build.layout(), path)
        with _open(path, "oci-archive") as image:
            os.truncate(path, 20_000)
            with pytest.raises(ImageError, match="is cut off at byte"):
                image.filesystem.read_bytes("/a")
