"""A compiled module that does anything else than its source is told, and nothing else is."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import py_compile
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from py_compile import PycInvalidationMode as Mode

import pytest

from image_harness.engine import Comparison, Engine, EngineError, compare_compiled
from image_harness.engine.compiled import _ON_ITS_OWN, _PROGRAM, parse_comparison
from tests.engine.conftest import IMAGE

SOURCE = '''"""What it does."""
import os
LIMIT = 1
RATIOS = (0.0, 1, ("a", None))
KINDS = {"a", "b"}

def outer(value, *, flag=True):
    def inner():
        return value in {"x", "y"} and flag
    try:
        return inner()
    except ValueError:
        return os.getpid() - 1
'''
OTHER_SOURCE = {
    "constant": ("LIMIT = 1", "LIMIT = 2"),
    "type-of-a-constant": ("LIMIT = 1", "LIMIT = 1.0"),
    "truth": ("0.0, 1,", "0.0, True,"),
    "sign-of-zero": ("(0.0,", "(-0.0,"),
    "case": ('("a", None)', '("A", None)'),
    "in-a-set": ('{"x", "y"}', '{"x", "z"}'),
    "name": ("os.getpid", "os.getuid"),
    "operator": ("- 1", "+ 1"),
    "default": ("flag=True", "flag=False"),
    "parameter": ("*, flag", "flag"),
    "docstring": ("What it does.", "What it did."),
    "handler": ("except ValueError", "except OSError"),
    "more": ("import os\n", "import os; import re\n"),
    "less": ("import os\n", "\n"),
}


def compiled(
    folder: Path, text: str = SOURCE, optimize: int = 0, mode: Mode = Mode.TIMESTAMP, pretended: Path | None = None
) -> Path:
    source = folder / "m.py"
    source.write_text(text)
    told = pretended or source
    made = py_compile.compile(str(source), dfile=str(told), doraise=True, optimize=optimize, invalidation_mode=mode)
    assert made is not None
    return Path(made)


def compared(folder: Path) -> Comparison:
    """What this machine's interpreter finds below a folder."""
    command = [sys.executable, *_ON_ITS_OWN, "-c", _PROGRAM, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return parse_comparison(json.loads(done.stdout))


def the_problem(folder: Path) -> str:
    (problem,) = compared(folder).problems.values()
    return problem


@pytest.mark.parametrize("optimize", [0, 1, 2])
def test_what_the_interpreter_compiled_is_as_its_source(tmp_path: Path, optimize: int) -> None:
    compiled(tmp_path, optimize=optimize)
    assert compared(tmp_path) == Comparison(sources=1, compiled=1, problems={})


@pytest.mark.parametrize("change", OTHER_SOURCE.values(), ids=OTHER_SOURCE)
def test_what_was_compiled_from_another_source_does_something_else(tmp_path: Path, change: tuple[str, str]) -> None:
    compiled(tmp_path, SOURCE.replace(*change))
    (tmp_path / "m.py").write_text(SOURCE)
    assert the_problem(tmp_path) == "does something else than its source"


def test_it_may_have_been_compiled_elsewhere(tmp_path: Path) -> None:
    compiled(tmp_path, pretended=Path("/root/.local/m.py"))
    assert compared(tmp_path).problems == {}


def test_it_may_tell_other_lines_and_refer_otherwise_to_equal_values(tmp_path: Path) -> None:
    """As another release of the same version writes it."""
    path = compiled(tmp_path)
    data = path.read_bytes()
    code = marshal.loads(data[16:])
    path.write_bytes(data[:16] + marshal.dumps(code.replace(co_linetable=b"\x80\x00"), 2))
    assert compared(tmp_path).problems == {}


@pytest.mark.parametrize("mode", [Mode.CHECKED_HASH, Mode.UNCHECKED_HASH])
def test_the_hash_of_another_source_is_told(tmp_path: Path, mode: Mode) -> None:
    path = compiled(tmp_path, mode=mode)
    assert compared(tmp_path).problems == {}
    data = path.read_bytes()
    path.write_bytes(data[:8] + importlib.util.source_hash(b"another") + data[16:])
    assert the_problem(tmp_path) == "bears the hash of another source"


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda _: b"", "is for another interpreter"),
        (lambda data: bytes([data[0] + 1]) + data[1:], "is for another interpreter"),
        (lambda data: data[:16], "cannot be read: EOFError"),
        (lambda data: data[:-1], "cannot be read: EOFError"),
        (lambda data: data[:16] + b"?", "cannot be read: ValueError: bad marshal data"),
        (lambda data: data[:16] + marshal.dumps((1, 2)), "cannot be read: AttributeError"),
    ],
)
def test_what_is_malformed_is_told(tmp_path: Path, spoil: Callable[[bytes], bytes], problem: str) -> None:
    path = compiled(tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    assert the_problem(tmp_path).startswith(problem)


@pytest.mark.parametrize(
    "name", ["m.pyc", "__pycache__/m.pyc", "__pycache__/n.{tag}.pyc", "__pycache__/m.{tag}.opt-x.pyc"]
)
def test_what_has_no_source_is_told(tmp_path: Path, name: str) -> None:
    path = compiled(tmp_path)
    path.rename(tmp_path / name.format(tag=sys.implementation.cache_tag))
    assert the_problem(tmp_path) == "has no source"


@pytest.mark.parametrize("tag", ["cpython-27", "pypy311"])
def test_what_is_for_another_interpreter_is_told(tmp_path: Path, tag: str) -> None:
    path = compiled(tmp_path)
    path.rename(path.with_name(f"m.{tag}.pyc"))
    assert the_problem(tmp_path) == "is for another interpreter"


def test_a_source_that_cannot_be_compiled_is_told(tmp_path: Path) -> None:
    compiled(tmp_path)
    (tmp_path / "m.py").write_text("def\n")
    assert the_problem(tmp_path).startswith("has a source that cannot be compiled: SyntaxError")


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    path = compiled(tmp_path)
    path.unlink()
    path.symlink_to("nowhere")
    assert the_problem(tmp_path) == "cannot be read: No such file or directory"


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    os.close(os.open(tmp_path / "file", os.O_CREAT))
    assert compared(tmp_path / "file").problems == {str(tmp_path / "file"): "cannot be read: Not a directory"}


def test_what_it_looks_at_is_not_imported(tmp_path: Path) -> None:
    """Not even what would be in the place of the modules that it needs itself."""
    for name in ("marshal.py", "json.py", "sitecustomize.py", "m.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    command = [sys.executable, *_ON_ITS_OWN, "-c", _PROGRAM, "."]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"sources": 4, "compiled": 0, "problems": {}}


@pytest.mark.parametrize("document", [{}, {"sources": 1}, {"sources": 1, "compiled": "1", "problems": {}}])
def test_anything_else_is_no_comparison(document: dict[str, object]) -> None:
    with pytest.raises(EngineError, match="has not compared anything"):
        parse_comparison(document)


def test_an_image_is_looked_at_as_its_layers_hold_it(engine: Engine) -> None:
    """Its interpreter runs as root there, and yet writes nothing beside the sources of its standard library."""
    found = compare_compiled(engine, IMAGE, "/usr/bin/python3.11", timedelta(minutes=4))
    assert found.problems == {}
    assert 0 < found.compiled < found.sources
