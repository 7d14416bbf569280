"""References are read as containers-transports(5) writes them, and written back."""

from __future__ import annotations

import pytest

from image_harness.errors import HarnessError
from image_harness.image import ImageError, ImageReference, Transport
from image_harness.types import Digest

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci:build/out", ImageReference(Transport.OCI, "build/out")),
        ("oci:/a/b:latest-arm64", ImageReference(Transport.OCI, "/a/b", "latest-arm64")),
        (f"oci:dir@{DIGEST}", ImageReference(Transport.OCI, "dir", digest=Digest(DIGEST))),
        ("oci-archive:x.tar:v1", ImageReference(Transport.OCI_ARCHIVE, "x.tar", "v1")),
        ("docker-archive:x.tar", ImageReference(Transport.DOCKER_ARCHIVE, "x.tar")),
        ("docker-archive:x.tar:name/app:1", ImageReference(Transport.DOCKER_ARCHIVE, "x.tar", "name/app:1")),
        ("docker-daemon:name/app:1", ImageReference(Transport.DOCKER_DAEMON, "name/app", "1")),
        (f"docker-daemon:{DIGEST}", ImageReference(Transport.DOCKER_DAEMON, "", digest=Digest(DIGEST))),
        (f"docker-daemon:app@{DIGEST}", ImageReference(Transport.DOCKER_DAEMON, "app", None, Digest(DIGEST))),
    ],
)
def test_a_reference_is_read_and_written_back(text: str, expected: ImageReference) -> None:
    assert ImageReference.parse(text) == expected
    assert str(expected) == text


def test_a_reference_without_transport_means_the_engine() -> None:
    assert ImageReference.parse("localhost:5000/name/app:1") == ImageReference(
        Transport.DOCKER_DAEMON, "localhost:5000/name/app", "1"
    )
    assert str(ImageReference.parse("app")) == "docker-daemon:app"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an image reference"),
        ("docker-daemon:", "not an image reference"),
        ("two words", "not an image reference"),
        ("docker://name/app", "docker:// is not supported"),
        ("containers-storage:app", "containers-storage: is not supported"),
        ("oci:", "no path is given"),
        ("oci::tag", "no path is given"),
        ("oci:dir:", "nothing follows the last colon"),
        ("oci:dir@sha256:12", "not a sha256 digest"),
        ("oci:a\0b", "no path is given"),
    ],
)
def test_a_wrong_reference_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        ImageReference.parse(text)
    assert "\n" not in str(caught.value)


def test_a_wrong_transport_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="write \\[docker-daemon:\\]NAME"):
        ImageReference.parse("dir:somewhere")
