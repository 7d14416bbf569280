"""Section 3 of the report: the builder stage."""

from __future__ import annotations

import re

import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.dockerfile import Instruction, Stage
from image_harness.dockerfile.words import commands, environment


@pytest.fixture(scope="session")
def apt_blocks(builder: Stage) -> list[Instruction]:
    """Every RUN that installs with apt-get."""
    return [
        run for run in builder.all("RUN") if any(words[:2] == ("apt-get", "install") for words in commands(run.text))
    ]


@pytest.fixture(scope="session")
def pip_blocks(builder: Stage) -> list[Instruction]:
    """Every RUN that installs with pip."""
    return [run for run in builder.all("RUN") if any(words[:2] == ("pip", "install") for words in commands(run.text))]


@pytest.fixture(scope="session")
def builder_commands(builder: Stage) -> list[tuple[str, ...]]:
    """Every command of the builder's RUNs, in order."""
    return [words for run in builder.all("RUN") for words in commands(run.text)]


def command(blocks: list[Instruction], *start: str) -> tuple[str, ...]:
    """Return the first command of some RUNs that begins with given words."""
    return next(words for run in blocks for words in commands(run.text) if words[: len(start)] == start)


@requirement("builder.workdir")
def test_working_directory(builder: Stage, design: Design) -> None:
    assert [instruction.text for instruction in builder.all("WORKDIR")] == [design.dockerfile.builder_working_dir]


@requirement("builder.env.{key}", for_each="dockerfile.builder_env")
def test_environment(builder: Stage, item: Item) -> None:
    found = dict(pair for instruction in builder.all("ENV") for pair in environment(instruction.text))
    assert item.key in found
    assert found[item.key] == item.value


@requirement("builder.apt.single-block")
def test_one_apt_block(apt_blocks: list[Instruction]) -> None:
    assert len(apt_blocks) == 1


@requirement("builder.apt.package.{key}", for_each="dockerfile.apt_packages")
def test_system_package(apt_blocks: list[Instruction], item: Item) -> None:
    assert apt_blocks, "nothing is installed with apt-get"
    assert item.value in command(apt_blocks, "apt-get", "install")


@requirement("builder.apt.cache.{key}", for_each="dockerfile.apt_cache_mounts")
def test_cache_mount(apt_blocks: list[Instruction], item: Item) -> None:
    mounts = [set(value.split(",")) for run in apt_blocks for value in run.flag_values("mount")]
    assert {"type=cache", f"target={item.value}", "sharing=locked"} in mounts


@requirement("builder.apt.no-recommends")
def test_no_recommended_packages(apt_blocks: list[Instruction]) -> None:
    assert apt_blocks, "nothing is installed with apt-get"
    assert {"-y", "--no-install-recommends"} <= set(command(apt_blocks, "apt-get", "install"))


@requirement("builder.apt.release-info")
def test_package_lists_are_fetched(apt_blocks: list[Instruction]) -> None:
    words = [words for run in apt_blocks for words in commands(run.text)]
    update = ("apt-get", "update", "--allow-releaseinfo-change")
    assert update in words
    assert ("rm", "-rf", "/var/lib/apt/lists/*") in words[: words.index(update)]


@requirement("builder.apt.clean")
def test_cleaned_after(apt_blocks: list[Instruction]) -> None:
    words = [words for run in apt_blocks for words in commands(run.text)]
    assert words, "nothing is installed with apt-get"
    installed = words.index(command(apt_blocks, "apt-get", "install"))
    after = words[installed + 1 :]
    assert ("apt-get", "clean") in after
    assert ("rm", "-rf", "/var/lib/apt/lists/*", "/tmp/*", "/var/tmp/*") in after


@requirement("builder.marker.runtime-directory")
def test_marker_for_var_run(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    marker = next(marker for marker in design.markers if marker.slug == "runtime-directory")
    assert ("echo", marker.text, ">", marker.path) in builder_commands


@requirement("builder.marker.lib-directory")
def test_marker_for_var_lib(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    marker = next(marker for marker in design.markers if marker.slug == "lib-directory")
    assert ("echo", marker.text, ">", marker.path) in builder_commands


@requirement("builder.marker.directories-owner")
def test_owner_of_the_marked_directories(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    assert ("chown", "-R", design.image.user, "/var/run", "/var/lib") in builder_commands


@requirement("builder.pip.directories")
def test_directories_for_packages(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    assert ("mkdir", "-p", design.dockerfile.user_site) in builder_commands
    assert ("mkdir", "-p", design.dockerfile.user_scripts) in builder_commands


@requirement("builder.pip.install")
def test_one_pip_install_from_the_requirements_file(pip_blocks: list[Instruction]) -> None:
    assert len(pip_blocks) == 1
    assert command(pip_blocks, "pip", "install")[-2:] == ("-r", "requirements.txt")


@requirement("builder.pip.flag.{key}", for_each="dockerfile.pip_flags")
def test_pip_flag(pip_blocks: list[Instruction], item: Item) -> None:
    assert pip_blocks, "nothing is installed with pip"
    assert item.value in command(pip_blocks, "pip", "install")


@requirement("builder.pip.cache")
def test_cache_mount_for_pip(pip_blocks: list[Instruction], design: Design) -> None:
    mounts = [set(value.split(",")) for run in pip_blocks for value in run.flag_values("mount")]
    assert {"type=cache", f"target={design.dockerfile.pip_cache_mount}"} in mounts


@requirement("builder.marker.packages")
def test_marker_for_packages(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    text = next(marker.text for marker in design.markers if marker.slug == "packages")
    assert ("echo", f"{text}_$(date +%s)", ">", f"{design.dockerfile.user_site}/.lucid-marker") in builder_commands


@requirement("builder.marker.binaries")
def test_marker_for_binaries(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    text = next(marker.text for marker in design.markers if marker.slug == "binaries")
    assert ("echo", f"{text}_$(date +%s)", ">", f"{design.dockerfile.user_scripts}/.lucid-marker") in builder_commands


@requirement("builder.marker.packages-owner")
def test_owner_of_the_packages(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    assert ("chown", "-R", design.image.user, "/root/.local") in builder_commands


@requirement("builder.verify.import.{key}", for_each="site_packages.packages")
def test_builder_imports(builder_commands: list[tuple[str, ...]], item: Item) -> None:
    programs = [words[2] for words in builder_commands if words[:2] == ("python3", "-c")]
    imported = {name for program in programs for name in imports(program)}
    assert item.key in imported


def imports(program: str) -> set[str]:
    """Return the top-level names that a one-line program imports in plain ``import a, b`` statements."""
    statements = (statement.strip() for statement in program.split(";"))
    lists = (statement.removeprefix("import ") for statement in statements if statement.startswith("import "))
    return {name.strip() for names in lists for name in re.split(",", names)}


@requirement("builder.verify.uvicorn-location")
def test_builder_prints_where_uvicorn_is(builder_commands: list[tuple[str, ...]]) -> None:
    programs = [words[2] for words in builder_commands if words[:2] == ("python3", "-c")]
    assert [program for program in programs if "import uvicorn" in program and "uvicorn.__file__" in program]


@requirement("builder.verify.directory")
def test_builder_tests_the_directory(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    assert ("test", "-d", design.dockerfile.user_site) in builder_commands


@requirement("builder.verify.marker")
def test_builder_tests_the_marker(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    assert ("test", "-f", f"{design.dockerfile.user_site}/.lucid-marker") in builder_commands


@requirement("builder.verify.marker-content")
def test_builder_tests_the_markers_content(builder_commands: list[tuple[str, ...]], design: Design) -> None:
    assert ("test", "-s", f"{design.dockerfile.user_site}/.lucid-marker") in builder_commands
