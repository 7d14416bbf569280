from __future__ import annotations

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.repository import RegistryImage

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:5000/lucid/rdp-monitor", "http://127.0.0.1:5000/v2/lucid/rdp-monitor"),
        ("localhost/rdp-monitor:latest", "http://localhost/v2/rdp-monitor"),
        ("[::1]:5000/rdp-monitor", "http://[::1]:5000/v2/rdp-monitor"),
        ("registry.example:5000/a/b/c:1.0", "https://registry.example:5000/v2/a/b/c"),
        ("localhost:65535/a", "http://localhost:65535/v2/a"),
        ("127.0.0.1.example/a", "https://127.0.0.1.example/v2/a"),
        ("pickme/lucid-rdp-monitor", "https://registry-1.docker.io/v2/pickme/lucid-rdp-monitor"),
        ("python", "https://registry-1.docker.io/v2/library/python"),
    ],
)
def test_a_name_is_read_as_dockers_clients_do(text: str, url: str) -> None:
    image = RegistryImage.parse(f"{text}@{DIGEST}")

    assert image.repository.url == url
    assert str(image.digest) == DIGEST


def test_a_name_without_a_digest_is_refused() -> None:
    with pytest.raises(HarnessError, match="names no digest, and a tag can mean another image tomorrow"):
        RegistryImage.parse("127.0.0.1:5000/rdp-monitor:latest")


@pytest.mark.parametrize(
    "text",
    [
        *("", "UPPER/Case", "a//b", "host.example/", "a/../b", "http://host/a", "a b"),
        *("a..b/x", ".a/x", "a./x", "-a.b/x", f"{'a' * 64}.b/x", "[:::]:5/x", "[::1/x", "[1.2.3.4]/x"),
        *("localhost:99999/x", "localhost:65536/x", "localhost:0/x", "localhost:/x"),
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="not an image in a registry"):
        RegistryImage.parse(f"{text}@{DIGEST}")


def test_what_is_no_digest_is_refused() -> None:
    with pytest.raises(HarnessError, match="not a sha256 digest"):
        RegistryImage.parse("host.example/a@sha256:123")
