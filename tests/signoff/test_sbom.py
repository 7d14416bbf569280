from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from image_harness.image import Image
from image_harness.signoff.sbom import make_sbom
from tests.image.builder import ImageBuilder, directory, open_built
from tests.report.generate import digest

SITE = "usr/local/lib/python3.11/site-packages"
OTHER = "usr/lib/python3/dist-packages"
STANZA = "Package: libc6\nVersion: 2.36-9+deb12u14\nArchitecture: arm64\nMaintainer: nobody\n"


def metadata(name: str, version: str, *requires: str) -> bytes:
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {text}" for text in requires)]
    return "\n".join([*lines, "", ""]).encode()


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    built = ImageBuilder().layer(
        {
            "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
            "var/lib/dpkg/status.d/libc6": STANZA.encode(),
            SITE: directory(),
            f"{SITE}/FastAPI-0.115.0.dist-info": directory(),
            f"{SITE}/FastAPI-0.115.0.dist-info/METADATA": metadata(
                "FastAPI", "0.115.0", "starlette<1", "nowhere", "!!"
            ),
            f"{SITE}/starlette-0.41.0.dist-info": directory(),
            f"{SITE}/starlette-0.41.0.dist-info/METADATA": metadata("starlette", "0.41.0"),
            f"{OTHER}/six-1.16.0.dist-info": directory(),
            f"{OTHER}/six-1.16.0.dist-info/METADATA": metadata("six", "1.16.0"),
        }
    )
    built.config_changes = {"created": "2026-01-02T03:04:05Z"}
    with open_built(built, tmp_path) as opened:
        yield opened


def document(image: Image) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(make_sbom(image, name="pickme/lucid-rdp-monitor", digest=digest("manifest")))
    return found


def test_it_is_valid_by_its_own_schema(image: Image) -> None:
    text = make_sbom(image, name="pickme/lucid-rdp-monitor", digest=digest("manifest")).decode()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_is_about_the_image(image: Image) -> None:
    about = document(image)["metadata"]["component"]

    assert about["type"] == "container"
    assert about["name"] == "pickme/lucid-rdp-monitor"
    assert about["version"] == str(digest("manifest"))
    assert about["purl"].startswith("pkg:oci/lucid-rdp-monitor@sha256:")


def test_every_package_is_in_it(image: Image) -> None:
    assert {component["purl"] for component in document(image)["components"]} == {
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=arm64&distro=debian-12",
        "pkg:pypi/fastapi@0.115.0",
        "pkg:pypi/starlette@0.41.0",
        "pkg:pypi/six@1.16.0",
    }


def test_it_tells_what_needs_what(image: Image) -> None:
    needs = {item["ref"]: item.get("dependsOn", []) for item in document(image)["dependencies"]}

    assert needs[f"pkg:pypi/fastapi@0.115.0#{SITE}/FastAPI-0.115.0.dist-info"] == [
        f"pkg:pypi/starlette@0.41.0#{SITE}/starlette-0.41.0.dist-info"
    ]
    assert len(needs[str(digest("manifest"))]) == 4


def test_the_same_image_gives_the_same_bytes(image: Image) -> None:
    first, second = (make_sbom(image, name="a", digest=digest("manifest")) for _ in range(2))

    assert first == second
    assert make_sbom(image, name="a", digest=digest("another")) != first


def test_an_image_without_a_date_gives_the_same_bytes_too(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"a": b""}), tmp_path) as image:
        assert image.config.created is None
        assert make_sbom(image, name="a", digest=digest("a")) == make_sbom(image, name="a", digest=digest("a"))
