"""Compiled modules are brought along for what an image has only as source, and are only used for that source."""

from __future__ import annotations

import io
import os
import py_compile
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from image_harness.image.bytecode import bytecode_archive, compiles_for
from tests.image.builder import Open, symlink

TAG = sys.implementation.cache_tag


def unpacked(archive: bytes, place: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            assert not member.name.startswith(("/", ".."))
            target = place / member.name
            if member.isdir():
                target.mkdir(parents=True)
            else:
                target.write_bytes(tar.extractfile(member).read())  # type: ignore[union-attr]


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


def run(folder: Path, *options: str) -> str:
    """Import the module ``m``; what it says of itself, and where its code came from."""
    code = "import m; print(m.VALUE)"
    command = [sys.executable, "-v", *options, "-c", code]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(folder)}
    )
    return f"{done.stdout}{'compiled' if f'# code object from {folder}' in done.stderr else 'brought along'}"


def test_a_module_is_used_as_long_as_its_source_is_the_same(open_layers: Open, tmp_path: Path) -> None:
    unpacked(bytecode_archive(open_layers({"srv/m.py": b"VALUE = 1\n"})), tmp_path)
    folder = tmp_path / "srv"
    (folder / "m.py").write_text("VALUE = 1\n")
    assert run(folder, "-B") == "1\nbrought along"
    # The same length, and the same time: only the content tells.
    before = (folder / "m.py").stat()
    (folder / "m.py").write_text("VALUE = 2\n")
    os.utime(folder / "m.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(folder, "-B").splitlines()[0] == "2"


def test_what_the_image_has_compiled_is_left_alone(open_layers: Open, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("")
    own = Path(py_compile.compile(str(tmp_path / "m.py"), doraise=True) or "").read_bytes()
    archive = bytecode_archive(
        open_layers({"p/m.py": b"", f"p/__pycache__/m.{TAG}.pyc": own, "p/n.py": b"", "p/data.txt": b"x"})
    )
    assert names(archive) == ["p/__pycache__", f"p/__pycache__/n.{TAG}.pyc"]


@pytest.mark.parametrize("source", [b"def", b"\x00", b"# coding: no-such\n", b"\xff", b"-" * 20_000 + b"1"])
def test_what_cannot_be_compiled_is_left_for_the_interpreter_to_refuse(open_layers: Open, source: bytes) -> None:
    assert names(bytecode_archive(open_layers({"p/m.py": source, "p/n.py": b""})))[1:] == [f"p/__pycache__/n.{TAG}.pyc"]


def test_it_is_of_use_to_the_same_version_only() -> None:
    major, minor = sys.version_info[:2]
    assert compiles_for(f"/usr/bin/python{major}.{minor}")
    assert not compiles_for(f"/usr/bin/python{major}.{minor + 1}")
    assert not compiles_for("/usr/bin/python")


def test_a_link_to_a_source_is_none(open_layers: Open) -> None:
    archive = bytecode_archive(open_layers({"p/m.py": b"", "q/m.py": symlink("../p/m.py")}))
    assert [name for name in names(archive) if name.startswith("q")] == []


def test_a_module_is_compiled_as_an_interpreter_without_options_would(open_layers: Open, tmp_path: Path) -> None:
    source = b'"A text."\nx: int = 1\nassert __debug__\nVALUE = (__doc__, __annotations__)\n'
    unpacked(bytecode_archive(open_layers({"srv/m.py": source})), tmp_path)
    (tmp_path / "srv" / "m.py").write_bytes(source)
    assert run(tmp_path / "srv", "-B") == "('A text.', {'x': <class 'int'>})\nbrought along"


def test_whoever_owns_the_container_can_read_it_and_nobody_else_can_change_it(open_layers: Open) -> None:
    archive = bytecode_archive(open_layers({"p/m.py": b"", "p/n.py": b""}))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert [(member.name, oct(member.mode)) for member in tar] == [
            ("p/__pycache__", "0o755"),
            (f"p/__pycache__/m.{TAG}.pyc", "0o644"),
            (f"p/__pycache__/n.{TAG}.pyc", "0o644"),
        ]
