from __future__ import annotations

import os
from pathlib import Path

from image_harness.engine.upper import contradictions, files_in, upper_directory


def mounted(folder: Path, *lines: bytes) -> Path:
    """A ``/proc`` with one process, 1, and these mounts."""
    (folder / "1").mkdir()
    (folder / "1" / "mountinfo").write_bytes(b"".join(line + b"\n" for line in lines))
    return folder


def test_the_place_is_that_of_the_root_and_names_may_be_any_bytes(tmp_path: Path) -> None:
    other = b"30 29 0:5 / /caf\xe9 rw - overlay overlay rw,upperdir=/elsewhere"
    root = f"31 29 0:6 / / rw - overlay overlay rw,lowerdir=/l,upperdir={tmp_path},workdir=/w".encode()
    assert upper_directory(1, mounted(tmp_path, other, root)) == tmp_path


def test_another_kind_of_root_has_none(tmp_path: Path) -> None:
    assert upper_directory(1, mounted(tmp_path, b"31 29 8:1 / / rw - ext4 /dev/sda1 rw")) is None


def test_a_process_that_has_ended_has_none(tmp_path: Path) -> None:
    assert upper_directory(1, tmp_path) is None


def test_names_that_json_has_no_room_for_are_no_contradiction(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    Path(os.fsdecode(bytes(tmp_path) + b"/tmp/\xe2\x82")).touch()
    (tmp_path / "tmp/plain").touch()
    files = files_in(tmp_path)
    told = ["/tmp", "/tmp/\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}", "/tmp/plain"]
    assert contradictions(told, files, files, tmp_path) == []
    assert contradictions(told[:1], files, files, tmp_path) == sorted(told[1:])
    assert contradictions([*told, "/other"], files, files, tmp_path) == ["/other"]
