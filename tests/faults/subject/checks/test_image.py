"""What the image's configuration says."""

from __future__ import annotations

from image_harness import requirement
from image_harness.design import Design
from image_harness.image import FileSystem, Image


@requirement("image.user")
def test_user(image: Image, design: Design) -> None:
    assert image.config.user == design.image.user


@requirement("image.working-directory")
def test_working_directory(image: Image, filesystem: FileSystem, design: Design) -> None:
    assert image.config.working_dir == design.image.working_dir
    assert filesystem.exists("/app/service.py")
