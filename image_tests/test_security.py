"""Section 5 of the report: security practices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from image_harness import asks, requirement
from image_harness.design import Design
from image_harness.dockerfile import Dockerfile, Stage
from image_harness.dockerfile.words import environment
from image_harness.engine import Container, ProcessFacts
from image_harness.engine.toolbox.host import ContainerHost
from image_harness.image import Entry, EntryType, FileSystem, Image
from image_harness.image.secrets import (
    all_files,
    is_secret_name,
    private_keys,
    secret_files,
    secrets_of_step,
    shows_secret,
)

PROGRAM_DIRECTORIES = ("/bin", "/sbin", "/libexec")


@pytest.fixture(scope="session")
def entries(filesystem: FileSystem) -> list[Entry]:
    """Everything in the image."""
    return list(filesystem.walk("/"))


@pytest.fixture(scope="session")
def programs(entries: list[Entry], design: Design) -> dict[str, Entry]:
    """Whatever stands in a directory for programs, by name; the interpreter among it shows that the search can see."""
    found = {
        name: entry
        for entry in entries
        for folder, _, name in [entry.path.rpartition("/")]
        if folder.endswith(PROGRAM_DIRECTORIES) and not entry.is_directory
    }
    interpreter = PurePosixPath(design.image.interpreter).name
    if interpreter not in found:
        pytest.fail(f"cannot tell what programs the image has: not even {interpreter} was found among {sorted(found)}")
    return found


def owned_otherwise(filesystem: FileSystem, top: str, design: Design) -> list[Entry]:
    """Return what is below a path and does not belong to the designed user."""
    found = list(filesystem.walk(top))
    if len(found) < 2:
        raise AssertionError(f"there is nothing in {top}")
    return [entry for entry in found if (entry.uid, entry.gid) != (design.image.uid, design.image.gid)]


@requirement("user.config")
def test_user(image: Image, design: Design) -> None:
    assert image.config.user == design.image.user


@requirement("user.instruction")
def test_user_instruction(runtime: Stage, design: Design) -> None:
    user = runtime.last("USER")
    assert user is not None, "the runtime stage has no USER"
    assert user.text == design.image.user


@requirement("owner.application")
def test_owner_of_the_application(filesystem: FileSystem, design: Design) -> None:
    below = [
        entry
        for entry in owned_otherwise(filesystem, design.application.root, design)
        if entry.path != design.application.root
    ]
    assert below == []


@requirement("owner.site-packages")
def test_owner_of_the_packages(filesystem: FileSystem, design: Design) -> None:
    assert owned_otherwise(filesystem, design.site_packages.path, design) == []


@requirement("owner.scripts")
def test_owner_of_the_scripts(filesystem: FileSystem, design: Design) -> None:
    assert owned_otherwise(filesystem, design.site_packages.scripts, design) == []


@requirement("owner.copies")
def test_every_copy_names_the_owner(runtime: Stage, design: Design) -> None:
    copies = [
        copy for copy in runtime.all("COPY") + runtime.all("ADD") if copy.text.split()[-1] != design.certificates.path
    ]
    assert copies, "the runtime stage copies nothing"
    assert [copy for copy in copies if copy.flag("chown") != design.image.user] == []


@requirement("distroless.no-shell")
def test_no_shell(programs: dict[str, Entry], design: Design) -> None:
    assert [programs[name] for name in design.absent.shells if name in programs] == []


@requirement("distroless.no-package-manager")
def test_no_package_manager(programs: dict[str, Entry], design: Design) -> None:
    assert [programs[name] for name in design.absent.package_managers if name in programs] == []


@requirement("distroless.no-compiler")
def test_no_compiler(programs: dict[str, Entry], design: Design) -> None:
    assert [programs[name] for name in design.absent.compilers if name in programs] == []


@requirement("distroless.no-download-tool")
def test_no_download_tool(programs: dict[str, Entry], design: Design) -> None:
    assert [programs[name] for name in design.absent.download_tools if name in programs] == []


@requirement("security.no-setuid")
def test_no_setuid_file(entries: list[Entry]) -> None:
    files = [entry for entry in entries if entry.is_file]
    assert files, "the image holds no file"
    assert [entry for entry in files if entry.mode & 0o6000] == []


@requirement("security.no-world-writable")
def test_nothing_is_world_writable(entries: list[Entry]) -> None:
    checked = [entry for entry in entries if not entry.is_symlink]
    assert checked, "the image holds nothing"
    assert [entry for entry in checked if entry.mode & 0o002 and not (entry.is_directory and entry.mode & 0o1000)] == []


@requirement("security.no-capabilities")
def test_no_file_capabilities(entries: list[Entry]) -> None:
    assert entries, "the image holds nothing"
    assert [entry for entry in entries if "security.capability" in entry.xattrs] == []


@requirement("security.no-devices")
def test_no_device_files(entries: list[Entry]) -> None:
    assert entries, "the image holds nothing"
    kinds = (EntryType.BLOCK_DEVICE, EntryType.CHARACTER_DEVICE, EntryType.FIFO)
    assert [entry for entry in entries if entry.type in kinds] == []


@requirement("security.no-secret-env")
def test_no_secret_in_environment_or_history(image: Image) -> None:
    assert image.config.env, "the image sets no environment"
    assert image.history, "the image has no history"
    steps = [step.created_by for step in image.history]
    named = [name for name, value in image.config.env.items() if is_secret_name(name) and value]
    given = [name for step in steps for name in secrets_of_step(step)]
    shown = [text for text in (*image.config.env_list, *steps) if shows_secret(text)]
    assert (named, given, shown) == ([], [], [])


@requirement("security.no-secret-files")
def test_no_secret_in_files(filesystem: FileSystem) -> None:
    assert any(all_files(filesystem)), "the image holds no file"
    assert (secret_files(filesystem), private_keys(filesystem)) == ((), ())


@requirement("security.no-secret-instruction")
def test_no_secret_in_the_dockerfile(dockerfile: Dockerfile) -> None:
    names = [argument.name for argument in dockerfile.arguments]
    for stage in dockerfile.stages:
        for instruction in stage.all("ARG") + stage.all("ENV"):
            names += [name for name, _ in environment(instruction.text)]
    assert names, "the Dockerfile has neither ARG nor ENV"
    assert [name for name in names if is_secret_name(name)] == []


@pytest.fixture(scope="session")
def first_process(container: Container) -> ProcessFacts:
    """The service's own process: the first one of the container."""
    return next(process for process in container.proc.processes() if process.pid in (1, None))


@requirement("user.process-uid")
def test_uid_of_the_process(first_process: ProcessFacts, design: Design) -> None:
    assert first_process.uid == design.image.uid


@requirement("user.process-gid")
def test_gid_of_the_process(first_process: ProcessFacts, design: Design) -> None:
    assert first_process.gid == design.image.gid


@requirement("user.name")
def test_user_of_the_process_has_a_name(host: ContainerHost, design: Design) -> None:
    process = host.process.get(pid=1)
    # Of a user without a name there is the number, which testinfra gives as one.
    found = host.user(str(process.user))
    assert found.exists
    assert (found.uid, found.gid) == (design.image.uid, design.image.gid)


@requirement("user.no-root-process")
def test_no_process_runs_as_root(container: Container) -> None:
    processes = container.proc.processes()
    assert processes, "the container has no process"
    assert [process for process in processes if process.uid == 0] == []


SHELL = """
import json, subprocess, sys
# Newer Pythons start programs with posix_spawn, which under emulation cannot tell that there was none to start.
subprocess._USE_POSIX_SPAWN = False
ran = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True).stdout.strip()
try:
    shell = subprocess.run("true", shell=True).returncode
except FileNotFoundError as error:
    shell = f"not found: {error.filename}"
print(json.dumps({"a program": ran, "a shell": shell}))
"""


@requirement("distroless.no-shell-runs")
@asks(SHELL)
def test_no_shell_runs(told: Mapping[str, Any]) -> None:
    assert told == {"a program": "42", "a shell": "not found: /bin/sh"}
