from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.build_record import BuildRecord, read_pins, read_record
from tests.report.generate import digest

ROOT = Path(__file__).parents[2]
DOCUMENT = {
    "schema": 1,
    "image": {"reference": "x", "manifest_digest": str(digest("manifest"))},
    "inputs": {"sha256": "0", "dirty": True, "files": {"Dockerfile": "00"}},
    "tools": {},
}


def test_a_record_tells_what_the_image_was_made_from(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(DOCUMENT))

    assert read_record(path) == BuildRecord(digest("manifest"), dirty=True, files={"Dockerfile": "00"})


def test_a_build_that_is_not_on_record_is_none(tmp_path: Path) -> None:
    assert read_record(tmp_path / "record.json") is None


@pytest.mark.parametrize(
    "document",
    [{}, {**DOCUMENT, "schema": 2}, {**DOCUMENT, "inputs": []}, {**DOCUMENT, "image": {"manifest_digest": "x"}}],
)
def test_a_damaged_record_is_told_in_one_line(document: object, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(document))

    with pytest.raises(HarnessError) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)


def test_this_repositorys_lock_file_is_read() -> None:
    assert {"gcr.io/distroless/python3-debian12:latest", "python:3.11-slim-bookworm"} <= set(
        read_pins(ROOT / "buildx" / "bases.lock")
    )


def test_a_pin_is_a_digest_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bases.lock"
    path.write_text(f'version = 1\n[upstream.a]\ndigest = "{digest("a")}"\npinned = "2026"\n[upstream.b]\n')

    assert read_pins(path) == {"a": digest("a"), "b": None}


@pytest.mark.parametrize(
    "content", [b"version = ", b"upstream = 1", b'version = 1\n[upstream.a]\ndigest = "x"', b"# \xff"]
)
def test_a_damaged_lock_file_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bases.lock"
    path.write_bytes(content)

    with pytest.raises(HarnessError) as caught:
        read_pins(path)
    assert "\n" not in str(caught.value)
