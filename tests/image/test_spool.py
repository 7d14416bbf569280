"""Uncompressed layers wait in files without a name."""

from __future__ import annotations

import errno
import os
import tempfile

import pytest

from image_harness.image import ImageError
from image_harness.image.spool import Spool


def test_what_was_written_is_read_back_and_zeros_cost_no_disk() -> None:
    spool = Spool("layer")
    parts = [b"begin", bytes(1 << 20), b"\0middle", bytes(3000), b"end", bytes(1 << 20)]
    for part in parts:
        spool.write(part)
    blob = spool.blob()
    assert blob.read_all(1 << 30) == b"".join(parts)
    assert os.fstat(blob.handle.number).st_blocks * 512 < 1 << 20
    spool.close()


def test_a_full_disk_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spool = Spool("layer")
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ImageError, match=r"layer: no room .*: No space left on device; set TMPDIR"):
        spool.write(b"data")
    spool.close()


def test_a_temporary_folder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(ImageError, match=r"no room .* in /nonexistent"):
        Spool("layer")
