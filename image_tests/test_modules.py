"""Section 8 of the report: module organization."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.image import Entry, FileSystem

NOT_SHIPPED = {".pyc", ".in", ".txt"}


@pytest.fixture(scope="session")
def application(filesystem: FileSystem, design: Design) -> dict[str, Entry]:
    """Whatever is in the application's folders, by its path below the root; Python follows links as well."""
    root = design.application.root
    return {entry.path.removeprefix(f"{root}/"): entry for entry in filesystem.walk(root) if not entry.is_directory}


@pytest.fixture(scope="session")
def modules(application: dict[str, Entry]) -> list[Entry]:
    """The Python files among it."""
    return [entry for path, entry in application.items() if path.endswith(".py") and entry.is_file]


@requirement("modules.{key}", for_each="application.files")
def test_module_is_in_the_image(filesystem: FileSystem, item: Item) -> None:
    entry = filesystem.entry(item.value)
    assert entry is not None, f"{item.value} is not in the image"
    assert entry.is_file
    assert entry.size > 0, f"{entry} is empty"


@requirement("modules.same-as-source")
def test_application_is_the_source_trees(
    application: dict[str, Entry], filesystem: FileSystem, source_tree: Path, design: Design
) -> None:
    sources = source_tree / design.application.sources
    wanted = {
        path.relative_to(sources).as_posix(): path.read_bytes()
        for path in sources.rglob("*")
        if path.is_file() and path.suffix not in NOT_SHIPPED
    }
    assert sorted(application) == sorted(wanted)
    different = [
        path for path, entry in application.items() if not entry.is_file or filesystem.read_bytes(entry) != wanted[path]
    ]
    assert different == []


@requirement("modules.python-compiles")
def test_every_module_compiles(modules: list[Entry], filesystem: FileSystem) -> None:
    assert modules, "the application holds no Python file"
    assert [entry for entry in modules if not compiles(filesystem.read_bytes(entry))] == []


@functools.cache
def compiles(source: bytes) -> bool:
    """Whether Python source is free of syntax errors."""
    try:
        compile(source, "module", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


@requirement("modules.no-relative-imports")
def test_no_module_uses_a_relative_import(modules: list[Entry], filesystem: FileSystem) -> None:
    found = [imports(filesystem.read_bytes(entry)) for entry in modules]
    assert [statement for statements in found for statement in statements], "no module imports anything"
    assert [statement for statements in found for statement in statements if statement.startswith("from .")] == []


@functools.cache
def imports(source: bytes) -> tuple[str, ...]:
    """Return the import statements of a module, wherever in it they stand."""
    tree = ast.parse(source)
    return tuple(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


@requirement("modules.no-bytecode")
def test_no_bytecode(application: dict[str, Entry]) -> None:
    assert application, "the application holds no file"
    assert [path for path in application if path.endswith((".pyc", ".pyo")) or "__pycache__" in path] == []
