"""What the package imports is what it declares, so that it runs where nothing else is installed."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SHIPPED = [*(ROOT / "image_harness").rglob("*.py"), *(ROOT / "image_tests").rglob("*.py")]
OUR_OWN = {"image_harness", "image_tests"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def distributions(files: list[Path]) -> set[str]:
    modules = (
        {name for file in files for name in imported(file)} - sys.stdlib_module_names - {"image_harness", "image_tests"}
    )
    installed = packages_distributions()
    missing = modules - installed.keys()
    assert not missing, f"imported, but of no installed distribution: {missing}"
    return {canonicalize_name(installed[name][0]) for name in modules}


def test_every_import_is_a_declared_dependency() -> None:
    # What one command alone needs is an extra, and that command says so where it is missing.
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["keyless"]]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}

    assert distributions(SHIPPED) - declared == set()


def test_an_import_that_is_not_declared_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("def late() -> None:\n    from hypothesis import given\n")

    assert distributions([file]) == {"hypothesis"}


@pytest.mark.parametrize("name", ["isal", "pytest-xdist"])
def test_what_is_found_by_other_means_than_an_import_is_declared(name: str) -> None:
    assert name in {Requirement(text).name for text in PROJECT["dependencies"]}
