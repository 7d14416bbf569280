"""A layout is read without following links out of it, waiting for pipes, or mixing up files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image_harness.image import ImageError, ImageReference, open_image
from tests.image import builder
from tests.image.builder import ImageBuilder

ARM = ImageBuilder().layer({"which": b"arm64"})


@pytest.mark.parametrize("what", ["blob", "directory", "index"])
def test_a_symbolic_link_inside_a_layout_is_not_followed(tmp_path: Path, what: str) -> None:
    files = ARM.layout()
    builder.write_directory(files, tmp_path / "real")
    builder.write_directory(files, tmp_path / "layout")
    name = {"blob": next(name for name in files if "blobs" in name), "directory": "blobs/sha256"}.get(what)
    path = tmp_path / "layout" / (name or "index.json")
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(ImageError, match="cannot be opened: it is reached through a symbolic link"):
        open_image(ImageReference.parse(f"oci:{tmp_path / 'layout'}"))


def test_a_layout_may_itself_be_reached_through_a_link(tmp_path: Path) -> None:
    builder.write_directory(ARM.layout(), tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    open_image(ImageReference.parse(f"oci:{tmp_path / 'link'}")).close()


def test_a_pipe_does_not_make_the_reader_wait(tmp_path: Path) -> None:
    builder.write_directory(ARM.layout(), tmp_path)
    (tmp_path / "index.json").unlink()
    os.mkfifo(tmp_path / "index.json")
    with pytest.raises(ImageError, match=r"index.json: is not a regular file"):
        open_image(ImageReference.parse(f"oci:{tmp_path}"))


def test_a_place_that_is_not_there_or_no_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="absent: no OCI layout: No such file or directory"):
        open_image(ImageReference.parse(f"oci:{tmp_path}/absent"))
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="file: no OCI layout: Not a directory"):
        open_image(ImageReference.parse(f"oci:{tmp_path}/file"))
