"""Section 3 of the report: the builder stage."""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest

from image_harness import requirement
from image_harness.design import Design, Item
from image_harness.dockerfile import Instruction, Stage
from image_harness.dockerfile.parser import build_arguments
from image_harness.dockerfile.programs import certain, imports, prints
from image_harness.dockerfile.shell import Command, run_commands
from image_harness.dockerfile.words import environment

APT = re.compile(r"apt|apt-get|aptitude|dpkg")
#: What makes one of these programs, or pip, install; dpkg has options for it.
INSTALLING = frozenset(
    {"install", "reinstall", "build-dep", "satisfy", "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"}
)
DPKG_INSTALLING = frozenset({"-i", "--install", "--unpack"})
#: Options with which apt-get only says, or fetches, what it would install.
VOID = re.compile(
    r"-[a-zA-Z]*[sdhv][a-zA-Z]*|--(simulate|just-print|dry-run|recon|no-act|print-uris|download-only|help|version)"
)
PIP = re.compile(r"pip[-\d.]*")
CHOWN = re.compile(r"chown|chgrp")
#: Where pip takes packages from and puts them to; it knows a long option by the begin of its name, too.
PIP_PLACES = (
    *("--index-url", "--extra-index-url", "--find-links", "--no-index", "--trusted-host", "--proxy", "--cert"),
    *("--target", "--prefix", "--root", "--dry-run", "--constraint", "--editable", "--no-user", "--help", "--version"),
)
PIP_SHORT_PLACES = ("-i", "-f", "-t", "-c", "-e", "-h", "-V")
REQUIREMENTS = "requirements.txt"
READING = frozenset({"cat", "grep", "head", "ls", "sha256sum", "tail", "test", "wc"})


@dataclass(frozen=True)
class Installation:
    """A command that installs: the words from the installing program on, and where it stands."""

    words: tuple[str, ...]
    command: Command
    run: Instruction


def installations(builder: Stage, programs: re.Pattern[str]) -> list[Installation]:
    """Return every command of the builder that has one of some programs install."""
    calls = ((command.call(programs), command, run) for run in builder.all("RUN") for command in run_commands(run))
    return [Installation(*call) for call in calls if installs(call[0])]


def installs(call: tuple[str, ...]) -> bool:
    """Tell whether a program that can install, and its words, do so."""
    is_dpkg = PurePosixPath(*call[:1]).name == "dpkg"
    return not (DPKG_INSTALLING if is_dpkg else INSTALLING).isdisjoint(call)


@pytest.fixture(scope="session")
def apt_installations(builder: Stage) -> list[Installation]:
    """Every command that installs system packages, with whatever program."""
    return installations(builder, APT)


@pytest.fixture(scope="session")
def pip_installations(builder: Stage) -> list[Installation]:
    """Every command that installs Python packages, under whatever name pip is run."""
    return installations(builder, PIP)


@pytest.fixture(scope="session")
def apt_blocks(apt_installations: list[Installation]) -> list[Instruction]:
    """Every RUN that installs with apt-get."""
    return [found.run for found in apt_installations if found.words[:2] == ("apt-get", "install")]


@pytest.fixture(scope="session")
def builder_commands(builder: Stage) -> list[Command]:
    """Every command of the builder's RUNs, in order."""
    return [command for run in builder.all("RUN") for command in run_commands(run)]


@pytest.fixture(scope="session")
def decisive(builder_commands: list[Command]) -> list[Command]:
    """Those of them whose failure fails the build."""
    return [command for command in builder_commands if command.decides]


@pytest.fixture(scope="session")
def decisive_words(decisive: list[Command]) -> list[tuple[str, ...]]:
    """The words of each command whose failure fails the build."""
    return [command.words for command in decisive]


@pytest.fixture(scope="session")
def programs(decisive_words: list[tuple[str, ...]]) -> list[tuple[ast.stmt, ...]]:
    """What each program of the builder runs for certain."""
    return [certain(words[2]) for words in decisive_words if words[:2] == ("python3", "-c") and len(words) == 3]


def writes(commands: list[Command], text: str, path: str) -> bool:
    """Tell whether one of some commands writes a text, and nothing else, to a file."""
    return any((command.words, command.redirections) == (("echo", text), ((">", path),)) for command in commands)


@requirement("builder.workdir")
def test_working_directory(builder: Stage, design: Design) -> None:
    assert [instruction.text for instruction in builder.all("WORKDIR")] == [design.dockerfile.builder_working_dir]


@requirement("builder.env.{key}", for_each="dockerfile.builder_env")
def test_environment(builder: Stage, item: Item) -> None:
    found = dict(pair for instruction in builder.all("ENV") for pair in environment(instruction.text))
    assert item.key in found
    assert found[item.key] == item.value


@requirement("builder.apt.single-block")
def test_one_apt_block(apt_installations: list[Installation]) -> None:
    assert [found.command.words[:2] for found in apt_installations] == [("apt-get", "install")]
    assert apt_installations[0].command.decides, "the build goes on where apt-get fails"
    assert [word for word in apt_installations[0].words if VOID.fullmatch(word)] == [], "nothing is installed"


@requirement("builder.apt.package.{key}", for_each="dockerfile.apt_packages")
def test_system_package(apt_installations: list[Installation], item: Item) -> None:
    assert apt_installations, "no system package is installed"
    words = {word for found in apt_installations if found.words[:2] == ("apt-get", "install") for word in found.words}
    assert item.value in words
    assert f"{item.value}-" not in words, "which takes it away again"


@requirement("builder.apt.cache.{key}", for_each="dockerfile.apt_cache_mounts")
def test_cache_mount(apt_blocks: list[Instruction], item: Item) -> None:
    mounts = [set(value.split(",")) for run in apt_blocks for value in run.flag_values("mount")]
    assert {"type=cache", f"target={item.value}", "sharing=locked"} in mounts


@requirement("builder.apt.no-recommends")
def test_no_recommended_packages(apt_installations: list[Installation]) -> None:
    assert apt_installations, "no system package is installed"
    for found in apt_installations:
        assert found.words[0] == "apt-get"
        assert {"-y", "--no-install-recommends"} <= set(found.words)
        about = {word for word in found.words if "install-recommends" in word.lower()}
        assert about == {"--no-install-recommends"}


@requirement("builder.apt.release-info")
def test_package_lists_are_fetched(apt_blocks: list[Instruction]) -> None:
    words = [command.words for run in apt_blocks for command in run_commands(run)]
    update = ("apt-get", "update", "--allow-releaseinfo-change")
    assert update in words
    assert ("rm", "-rf", "/var/lib/apt/lists/*") in words[: words.index(update)]


@requirement("builder.apt.clean")
def test_cleaned_after(apt_blocks: list[Instruction]) -> None:
    words = [command.words for run in apt_blocks for command in run_commands(run)]
    assert words, "nothing is installed with apt-get"
    installed = next((i for i, found in enumerate(words) if found[:2] == ("apt-get", "install")), len(words))
    after = words[installed + 1 :]
    assert ("apt-get", "clean") in after
    assert ("rm", "-rf", "/var/lib/apt/lists/*", "/tmp/*", "/var/tmp/*") in after


@requirement("builder.marker.runtime-directory")
def test_marker_for_var_run(decisive: list[Command], design: Design) -> None:
    marker = next(marker for marker in design.markers if marker.slug == "runtime-directory")
    assert writes(decisive, marker.text, marker.path)


@requirement("builder.marker.lib-directory")
def test_marker_for_var_lib(decisive: list[Command], design: Design) -> None:
    marker = next(marker for marker in design.markers if marker.slug == "lib-directory")
    assert writes(decisive, marker.text, marker.path)


@requirement("builder.marker.directories-owner")
def test_owner_of_the_marked_directories(builder_commands: list[Command], design: Design) -> None:
    assert_given(builder_commands, design.image.user, "/var/run", "/var/lib")


def assert_given(commands: list[Command], user: str, *paths: str) -> None:
    """Assert that the last command which gives one of some paths to somebody gives all of them to a user."""
    giving = [command for command in commands if gives(command, paths)]
    assert giving, f"nothing gives {' and '.join(paths)} to anybody"
    assert giving[-1].words == ("chown", "-R", user, *paths)
    assert giving[-1].decides, "the build goes on where chown fails"


def gives(command: Command, paths: tuple[str, ...]) -> bool:
    """Tell whether a command may change the owner of a path, or of something in it."""
    call = command.call(CHOWN)
    options = [word for word in call[1:] if word.startswith("-")]
    words = [word for word in call[1:] if not word.startswith("-")]
    operands = words if any(option.startswith("--reference") for option in options) else words[1:]
    recursive = any(re.fullmatch(r"-\w*R\w*|--recursive", option) for option in options)
    if "{}" in operands:  # what find has found
        operands, recursive = [word for word in command.words if word.startswith("/")], True
    if call and not operands:
        return True  # they come from somewhere else
    return any(covers(operand, path, recursive=recursive) for operand in operands for path in paths)


def covers(operand: str, path: str, *, recursive: bool) -> bool:
    """Tell whether an operand may stand for a path, or for something in it; nobody knows where a relative one leads."""
    known = re.split(r"[*?\[{$`]", operand)[0]
    if not known.startswith("/"):
        return True
    if known != operand:
        return path.startswith(known) or known.startswith(f"{path}/")
    named, wanted = PurePosixPath(posixpath.normpath(operand)), PurePosixPath(path)
    return named.is_relative_to(wanted) or (recursive and wanted.is_relative_to(named))


@requirement("builder.pip.directories")
def test_directories_for_packages(decisive_words: list[tuple[str, ...]], design: Design) -> None:
    assert ("mkdir", "-p", design.dockerfile.user_site) in decisive_words
    assert ("mkdir", "-p", design.dockerfile.user_scripts) in decisive_words


@requirement("builder.pip.install")
def test_one_pip_install_from_the_requirements_file(
    builder: Stage, builder_commands: list[Command], pip_installations: list[Installation], design: Design
) -> None:
    assert [found.command.words[:2] for found in pip_installations] == [("pip", "install")]
    (found,) = pip_installations
    assert found.words[-2:] == ("-r", "requirements.txt")
    assert found.command.decides, "the build goes on where pip fails"
    assert [word for word in found.words[2:-2] if not is_plain_option(word)] == []
    assert pip_variables(builder) - set(design.dockerfile.builder_env) == set()
    assert [word for command in builder_commands for word in command.words if re.match(r"PIP_\w+=", word)] == []
    assert [command for command in builder_commands if "config" in command.call(PIP)[1:2]] == []
    assert_own_requirements(found, builder_commands, design)


def assert_own_requirements(found: Installation, commands: list[Command], design: Design) -> None:
    """Assert that the requirements which pip reads are those that were copied."""
    folder = design.dockerfile.builder_working_dir
    left = [command for command in run_commands(found.run) if command.plain[:1] in (("cd",), ("pushd",))]
    assert [command for command in left if command.plain[1:] != (folder,)] == [], "pip runs in another folder"
    assert not found.run.mounts_over(f"{folder}/{REQUIREMENTS}"), "a mount stands in for the requirements file"
    named = [command for command in commands if command != found.command and names(command, REQUIREMENTS)]
    assert [command for command in named if command.plain[:1] not in {(name,) for name in READING}] == []


def names(command: Command, file: str) -> bool:
    """Tell whether a command names a file, among its words or as what it writes to."""
    words = (*command.words, *(target for _, target in command.redirections))
    return any(PurePosixPath(word).name == file for word in words)


def is_plain_option(word: str) -> bool:
    """Tell whether a word is an option that leaves to pip what is installed, where from and where to."""
    name = word.partition("=")[0]
    places = [place for place in PIP_PLACES if len(name) > len("--") and place.startswith(name)]
    return word.startswith("-") and not places and not word.startswith((*PIP_SHORT_PLACES, "-r", "--req"))


def pip_variables(builder: Stage) -> set[str]:
    """Return the names of pip's settings that the builder sets, or that whoever builds may set."""
    set_here = {name for instruction in builder.all("ENV") for name, _ in environment(instruction.text)}
    declared = {argument.name for instruction in builder.all("ARG") for argument in build_arguments(instruction)}
    return {name for name in set_here | declared if name.startswith("PIP_")}


@requirement("builder.pip.flag.{key}", for_each="dockerfile.pip_flags")
def test_pip_flag(pip_installations: list[Installation], item: Item) -> None:
    assert pip_installations, "nothing is installed with pip"
    assert [found.words for found in pip_installations if item.value not in found.words] == []


@requirement("builder.pip.cache")
def test_cache_mount_for_pip(pip_installations: list[Installation], design: Design) -> None:
    mounts = [set(value.split(",")) for found in pip_installations for value in found.run.flag_values("mount")]
    assert {"type=cache", f"target={design.dockerfile.pip_cache_mount}"} in mounts


@requirement("builder.marker.packages")
def test_marker_for_packages(decisive: list[Command], design: Design) -> None:
    text = next(marker.text for marker in design.markers if marker.slug == "packages")
    assert writes(decisive, f"{text}_$(date +%s)", f"{design.dockerfile.user_site}/.lucid-marker")


@requirement("builder.marker.binaries")
def test_marker_for_binaries(decisive: list[Command], design: Design) -> None:
    text = next(marker.text for marker in design.markers if marker.slug == "binaries")
    assert writes(decisive, f"{text}_$(date +%s)", f"{design.dockerfile.user_scripts}/.lucid-marker")


@requirement("builder.marker.packages-owner")
def test_owner_of_the_packages(builder_commands: list[Command], design: Design) -> None:
    assert_given(builder_commands, design.image.user, "/root/.local")


@requirement("builder.verify.import.{key}", for_each="site_packages.packages")
def test_builder_imports(programs: list[tuple[ast.stmt, ...]], item: Item) -> None:
    assert programs, "no RUN has Python prove anything"
    assert item.key in {name for program in programs for name in imports(program)}


@requirement("builder.verify.uvicorn-location")
def test_builder_prints_where_uvicorn_is(programs: list[tuple[ast.stmt, ...]]) -> None:
    printing = [
        program for program in programs if "uvicorn" in imports(program) and prints(program, "uvicorn.__file__")
    ]
    assert printing, "no RUN prints uvicorn.__file__"


@requirement("builder.verify.directory")
def test_builder_tests_the_directory(decisive_words: list[tuple[str, ...]], design: Design) -> None:
    assert ("test", "-d", design.dockerfile.user_site) in decisive_words


@requirement("builder.verify.marker")
def test_builder_tests_the_marker(decisive_words: list[tuple[str, ...]], design: Design) -> None:
    assert ("test", "-f", f"{design.dockerfile.user_site}/.lucid-marker") in decisive_words


@requirement("builder.verify.marker-content")
def test_builder_tests_the_markers_content(decisive_words: list[tuple[str, ...]], design: Design) -> None:
    assert ("test", "-s", f"{design.dockerfile.user_site}/.lucid-marker") in decisive_words
