"""Section 11 of the report: package management."""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.dockerfile import Stage
from image_harness.image.python_distributions import Distribution


@pytest.fixture(scope="session")
def required(source_tree: Path, design: Design) -> dict[str, list[str]]:
    """Each requirement of the requirements file, by its canonical name, with its version specifier and its hashes."""
    text = (source_tree / design.requirements_file).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    found: dict[str, list[str]] = {}
    for words in filter(None, lines):
        line = Requirement(words[0])
        found[canonicalize_name(line.name)] = [str(line.specifier), *words[1:]]
    return found


@requirement("packages.requirements-file")
def test_requirements_file_is_used(source_tree: Path, builder: Stage, design: Design) -> None:
    assert (source_tree / design.requirements_file).is_file()
    folder = design.dockerfile.builder_working_dir
    file = PurePosixPath(folder, "requirements.txt")
    copies = builder.all("COPY") + builder.all("ADD")
    targets = {copy: posixpath.normpath(posixpath.join(folder, copy.text.split()[-1])) for copy in copies}
    found = [copy for copy, target in targets.items() if file.is_relative_to(target)]
    assert [(copy.keyword, copy.flag("from"), copy.text) for copy in found] == [
        ("COPY", None, f"{design.requirements_file} {file.name}")
    ]


@requirement("packages.pinned")
def test_every_requirement_is_pinned_with_hashes(required: dict[str, list[str]]) -> None:
    assert required, "the requirements file names nothing"
    loose = [
        name
        for name, (specifier, *hashes) in required.items()
        if not specifier.startswith("==") or "*" in specifier or not hashes
    ]
    assert loose == []
    assert {option.split(":")[0] for _, *hashes in required.values() for option in hashes} == {"--hash=sha256"}


@requirement("packages.required.{key}", for_each="site_packages.packages")
def test_package_is_required(required: dict[str, list[str]], item: Item) -> None:
    assert canonicalize_name(item.value.distribution) in required


@requirement("packages.installed.{key}", for_each="site_packages.packages")
def test_package_is_installed_as_required(
    required: dict[str, list[str]], distributions: tuple[Distribution, ...], item: Item
) -> None:
    name = canonicalize_name(item.value.distribution)
    assert name in required, f"the requirements file does not name {name}"
    installed = [f"=={found.version}" for found in distributions if found.key == name]
    assert installed, f"{name} is not installed"
    assert installed == required[name][:1]
