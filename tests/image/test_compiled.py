"""Compiled modules tell whose they are, and whether an interpreter would use them."""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import pytest

from image_harness.image.compiled import CompiledModule, compiled_modules
from tests.image.builder import Node, Open, directory, symlink

SOURCE = b"VALUE = 1\n"
WRITTEN = 1_700_000_000
PLACE = "srv/__pycache__/m.cpython-311.pyc"


def header(mtime: int = WRITTEN, size: int = len(SOURCE), flags: int = 0) -> bytes:
    return b"\xa7\r\r\n" + b"".join(number.to_bytes(4, "little") for number in (flags, mtime, size))


def found(open_layers: Open, path: str, data: bytes, mtime: float = WRITTEN) -> CompiledModule:
    (module,) = compiled_modules(open_layers({"srv/m.py": Node(SOURCE, mtime=mtime), path: data}))
    return module


def test_what_an_interpreter_writes_is_current(open_layers: Open, tmp_path: Path) -> None:
    source = tmp_path / "m.py"
    source.write_bytes(SOURCE)
    made = py_compile.compile(str(source), doraise=True)
    assert made is not None
    compiled = Path(made)
    place, tag = f"srv/__pycache__/{compiled.name}", sys.implementation.cache_tag
    module = found(open_layers, place, compiled.read_bytes(), mtime=int(source.stat().st_mtime))
    assert module == CompiledModule(f"/{place}", tag, "/srv/m.py", current=True)


@pytest.mark.parametrize("mtime", [WRITTEN, WRITTEN + 0.75])
def test_a_time_is_compared_in_whole_seconds(open_layers: Open, mtime: float) -> None:
    assert found(open_layers, PLACE, header(), mtime).current


@pytest.mark.parametrize("mtime", [2**32 + 5, 2**32 - 1])
def test_of_a_time_the_lowest_32_bits_are_kept(open_layers: Open, mtime: int) -> None:
    assert found(open_layers, PLACE, header(mtime & 0xFFFFFFFF), mtime).current


@pytest.mark.parametrize("size", [len(SOURCE) - 1, len(SOURCE) + 1, 0])
def test_of_another_size_it_is_not_current(open_layers: Open, size: int) -> None:
    assert not found(open_layers, PLACE, header(size=size)).current


@pytest.mark.parametrize("mtime", [WRITTEN - 1, WRITTEN + 1, 0])
def test_of_another_time_it_is_not_current(open_layers: Open, mtime: int) -> None:
    assert not found(open_layers, PLACE, header(mtime)).current


@pytest.mark.parametrize("flags", [1, 3])
def test_a_hash_is_left_to_the_interpreter(open_layers: Open, flags: int) -> None:
    assert found(open_layers, PLACE, header(mtime=7, size=7, flags=flags)).current


@pytest.mark.parametrize("length", [0, 15])
def test_without_a_whole_header_it_is_not_current(open_layers: Open, length: int) -> None:
    assert not found(open_layers, PLACE, header()[:length]).current


@pytest.mark.parametrize("level", ["1", "2"])
def test_an_optimized_one_is_of_the_same_source(open_layers: Open, level: str) -> None:
    module = found(open_layers, f"srv/__pycache__/m.cpython-311.opt-{level}.pyc", header())
    assert (module.tag, module.source, module.current) == ("cpython-311", "/srv/m.py", True)


@pytest.mark.parametrize(
    "path",
    [
        "srv/m.pyc",
        "srv/__pycache__/m.pyc",
        "srv/pycache/m.cpython-311.pyc",
        "srv/__pycache__/m.n.cpython-311.pyc",
        "srv/__pycache__/m.cpython-311.opt-.pyc",
    ],
)
def test_what_lies_elsewhere_has_no_source(open_layers: Open, path: str) -> None:
    assert found(open_layers, path, header()) == CompiledModule(f"/{path}", None, None, current=False)


def test_without_a_source_beside_it_has_none(open_layers: Open) -> None:
    path = "/opt/__pycache__/m.cpython-311.pyc"
    expected = CompiledModule(path, "cpython-311", None, current=False)
    assert found(open_layers, path.lstrip("/"), header()) == expected


def test_a_directory_is_no_source(open_layers: Open) -> None:
    (module,) = compiled_modules(open_layers({"srv/m.py": directory(), PLACE: header()}))
    assert module.source is None


def test_a_link_is_not_current(open_layers: Open) -> None:
    layer = {"srv/m.py": Node(SOURCE, mtime=WRITTEN), PLACE: symlink("/opt/m.pyc"), "opt/m.pyc": Node(header())}
    _, linked = compiled_modules(open_layers(layer))
    assert linked == CompiledModule(f"/{PLACE}", "cpython-311", "/srv/m.py", current=False)


def test_a_directory_that_is_called_like_one_is_none(open_layers: Open) -> None:
    assert compiled_modules(open_layers({"srv/m.pyc": directory(), "srv/pyc": b""})) == ()
