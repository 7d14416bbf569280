from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from image_harness.engine import EngineError
from image_harness.engine.toolbox.busybox import VARIABLE, choose, find_busybox, is_static


def elf(path: Path, *, interpreter: bool) -> Path:
    """A file with the header of a program and one program header."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    path.write_bytes(header + struct.pack("<I", 3 if interpreter else 1).ljust(56, b"\0"))
    return path


def test_a_program_that_asks_for_a_loader_is_not_static(tmp_path: Path) -> None:
    assert is_static(elf(tmp_path / "static", interpreter=False))
    assert not is_static(elf(tmp_path / "dynamic", interpreter=True))
    assert not is_static(Path(sys.executable))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x02\x01"])
def test_what_is_no_program_is_not_static(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert not is_static(tmp_path / "file")


def test_the_first_static_one_is_chosen(tmp_path: Path) -> None:
    dynamic, static = elf(tmp_path / "a", interpreter=True), elf(tmp_path / "b", interpreter=False)
    assert choose([tmp_path / "missing", dynamic, static]) == static
    with pytest.raises(EngineError, match=r"no static busybox on this machine; install busybox-static"):
        choose([dynamic])


def test_the_environment_names_the_only_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_busybox.cache_clear()
    try:
        monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
        with pytest.raises(EngineError, match="no static busybox"):
            find_busybox()
        monkeypatch.setenv(VARIABLE, str(elf(tmp_path / "mine", interpreter=False)))
        assert find_busybox() == tmp_path / "mine"
    finally:
        find_busybox.cache_clear()
