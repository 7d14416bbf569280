from __future__ import annotations

from pathlib import Path

from image_harness.engine.upper import upper_directory


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
