"""What no document asks and everybody needs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from image_harness import requirement
from image_harness.design import Design
from image_harness.engine import Clock, compare_compiled
from image_harness.image import Entry, FileSystem, Image
from image_harness.image.compiled import compiled_modules
from image_harness.image.debian import checksums, debian_packages, verify_md5sums
from image_harness.image.elf import ElfClass, ElfFile, Machine, elf_files, read_elf
from image_harness.image.libraries import Libraries
from image_harness.image.python_distributions import Distribution, verify_record
from image_harness.image.python_environment import python_environment, unmet_requirements
from image_harness.plugin.session import HarnessSession

MACHINES = {"arm64": Machine.AARCH64, "amd64": Machine.X86_64}
#: For all of an image's modules, on a machine that need not emulate.
COMPILING = timedelta(seconds=20)
KIB = 1024
MIB = 1024 * 1024


@pytest.fixture(scope="session")
def elfs(filesystem: FileSystem) -> list[ElfFile]:
    """Every ELF file of the image."""
    return list(elf_files(filesystem))


@pytest.fixture(scope="session")
def libraries(filesystem: FileSystem, image: Image) -> Libraries:
    """The image's libraries as its loader finds them."""
    return Libraries(filesystem, image.config.env)


@pytest.fixture(scope="session")
def listed(distributions: tuple[Distribution, ...], filesystem: FileSystem) -> set[str]:
    """The files that a RECORD or a Debian package names."""
    packages = debian_packages(filesystem)
    assert distributions, "the image holds no Python distribution"
    assert packages, "the image lists no Debian package"
    recorded = {file.path for distribution in distributions for file in distribution.files}
    return recorded.union(*(checksums(filesystem, package) for package in packages))


@requirement("elf.architecture")
def test_every_elf_file_is_for_the_platform(elfs: list[ElfFile], design: Design) -> None:
    wanted = (ElfClass.ELF64, MACHINES[design.image.platform.architecture], True)
    assert elfs, "the image holds no ELF file"
    assert [elf.path for elf in elfs if (elf.elf_class, elf.machine, elf.little_endian) != wanted] == []


@requirement("elf.platform-agrees")
def test_configuration_and_elf_agree(image: Image, filesystem: FileSystem, design: Design) -> None:
    interpreter = filesystem.entry(design.image.interpreter)
    assert interpreter is not None, f"{design.image.interpreter} is not in the image"
    assert read_elf(filesystem, interpreter).machine == MACHINES.get(image.config.architecture)


@requirement("elf.libraries")
def test_every_needed_library_is_there(elfs: list[ElfFile], libraries: Libraries) -> None:
    assert [elf for elf in elfs if elf.needed], "no ELF file needs any library"
    assert {elf.path: libraries.missing(elf) for elf in elfs if libraries.missing(elf)} == {}


@requirement("elf.glibc")
def test_glibc_is_new_enough(elfs: list[ElfFile], libraries: Libraries) -> None:
    assert [elf for elf in elfs if elf.glibc_versions], "no ELF file needs glibc"
    assert {elf.path: libraries.missing_versions(elf) for elf in elfs if libraries.missing_versions(elf)} == {}


@requirement("elf.nothing-else")
def test_every_elf_file_is_one_that_is_listed(elfs: list[ElfFile], listed: set[str]) -> None:
    assert elfs, "the image holds no ELF file"
    assert [elf.path for elf in elfs if elf.path not in listed] == []


@requirement("debian.files")
def test_debian_files_are_unchanged(filesystem: FileSystem, design: Design) -> None:
    packages = debian_packages(filesystem)
    assert packages, "the image lists no Debian package"
    told = {package.name for package in packages if checksums(filesystem, package)}
    assert sorted({package.name for package in packages} - told) == [], "nothing is said of their files"
    problems = [problem for package in packages for problem in verify_md5sums(filesystem, package)]
    assert [problem for problem in problems if problem.path not in design.base.replaced_files] == []


@requirement("python.requirements")
def test_python_requirements_are_satisfied(
    distributions: tuple[Distribution, ...], filesystem: FileSystem, design: Design
) -> None:
    assert distributions, "the image holds no Python distribution"
    environment = python_environment(filesystem, design.site_packages.path, design.image.platform)
    assert unmet_requirements(distributions, environment) == ()


@requirement("python.records")
def test_python_records_agree(distributions: tuple[Distribution, ...], filesystem: FileSystem) -> None:
    assert distributions, "the image holds no Python distribution"
    assert [distribution.path for distribution in distributions if not distribution.files] == [], "they have no RECORD"
    assert [problem for distribution in distributions for problem in verify_record(filesystem, distribution)] == []
    unhashed = [file.path for distribution in distributions for file in distribution.files if file.digest is None]
    assert [path for path in unhashed if not path.endswith((".dist-info/RECORD", ".pyc"))] == [], "without a hash"


@requirement("python.nothing-else")
def test_nothing_else_can_be_imported(listed: set[str], filesystem: FileSystem, design: Design) -> None:
    known = listed | {marker.path for marker in design.markers}
    found = [entry for top in importable(design) if filesystem.exists(top) for entry in filesystem.walk(top)]
    others = [entry for entry in found if not entry.is_directory and not (entry.is_file and entry.path in known)]
    assert [entry for entry in others if not is_debian_link(filesystem, entry, known, design)] == []


def importable(design: Design) -> list[str]:
    """Return where the interpreter finds modules and programs, and what may tell it to look elsewhere."""
    interpreter = PurePosixPath(design.image.interpreter)
    version = interpreter.name.removeprefix("python")
    folders = [design.site_packages.path, design.site_packages.scripts, f"/usr/lib/python{version.partition('.')[0]}"]
    folders += [f"/usr/lib/{interpreter.name}", f"/usr/lib/python{version.replace('.', '')}.zip"]
    folders += [f"/usr/local/lib/{interpreter.name}/dist-packages"]
    folders += [f"{folder}/pyvenv.cfg" for folder in interpreter.parents]
    return folders + [f"{user.home}/.local" for user in design.base.users.values()]


def is_debian_link(filesystem: FileSystem, entry: Entry, known: set[str], design: Design) -> bool:
    """Tell whether an entry is a link to what a Debian package holds, or to its configuration: lists have no links."""
    if not entry.is_symlink or entry.path.startswith("/usr/local/") or not filesystem.exists(entry.path):
        return False
    end = filesystem.resolve(entry.path)
    return end in known or end.startswith(f"/etc/{PurePosixPath(design.image.interpreter).name}/")


@requirement("python.site-customization")
def test_what_runs_at_every_start_is_debians_if_anything_is(filesystem: FileSystem, design: Design) -> None:
    library = f"/usr/lib/{PurePosixPath(design.image.interpreter).name}"
    assert filesystem.exists(f"{library}/site.py"), f"{library} is not where the interpreter's modules are"
    entry = filesystem.entry(f"{library}/sitecustomize.py")
    if entry is not None:
        assert entry.is_file, f"{entry} is no file"
        assert filesystem.digest(entry, "sha256") == design.base.site_customization, f"{entry} is not Debian's"


@requirement("python.bytecode-sources")
def test_compiled_modules_are_of_the_sources_beside_them(filesystem: FileSystem, design: Design) -> None:
    assert any(entry.path.endswith(".py") for entry in filesystem.walk()), "the image holds no Python module"
    tag = PurePosixPath(design.image.interpreter).name.replace("python", "cpython-").replace(".", "")
    others = [one for one in compiled_modules(filesystem) if (one.tag, one.current) != (tag, True)]
    assert others == []


@requirement("python.bytecode")
def test_compiled_modules_do_what_their_sources_say(
    harness_session: HarnessSession, filesystem: FileSystem, design: Design, clock: Clock
) -> None:
    compared = compare_compiled(
        harness_session.engine, harness_session.engine_image, design.image.interpreter, clock.limit(COMPILING)
    )
    assert compared.sources > 0, "the interpreter found no Python module"
    assert compared.compiled == len(compiled_modules(filesystem)), "the interpreter found not what the layers hold"
    assert compared.problems == {}


@requirement("python.scripts")
def test_console_scripts_can_run(filesystem: FileSystem, design: Design) -> None:
    scripts = {
        entry.path: shebang(filesystem, entry)
        for entry in filesystem.walk(design.site_packages.scripts)
        if entry.is_file
    }
    interpreters = {path: line for path, line in scripts.items() if line is not None}
    assert interpreters, f"{design.site_packages.scripts} holds no script"
    assert {path: line for path, line in interpreters.items() if not filesystem.exists(line)} == {}


def shebang(filesystem: FileSystem, entry: Entry) -> str | None:
    """Return the interpreter that a script's first line names."""
    first = filesystem.read_at(entry, 0, 256).partition(b"\n")[0]
    return first[2:].split()[0].decode() if first.startswith(b"#!") else None


@requirement("python.wheels")
def test_compiled_wheels_are_for_the_platform(distributions: tuple[Distribution, ...]) -> None:
    assert distributions, "the image holds no Python distribution"
    platforms = {
        distribution.path: {tag.rpartition("-")[2] for tag in distribution.wheel_tags} for distribution in distributions
    }
    wrong = {
        path: tags
        for path, tags in platforms.items()
        if not tags or not all(tag == "any" or tag.endswith("aarch64") for tag in tags)
    }
    assert wrong == {}


@requirement("size.image")
def test_image_size(image: Image, design: Design) -> None:
    assert image.size <= design.budgets.image_mib * MIB


@requirement("size.layer")
def test_layer_size(image: Image, design: Design) -> None:
    assert image.layers, "the image has no layers"
    assert max(layer.uncompressed_size for layer in image.layers) <= design.budgets.layer_mib * MIB


@requirement("layers.nothing-deleted")
def test_nothing_is_deleted_later(image: Image) -> None:
    assert len(image.layers) > 1, "with one layer there is no later one"
    assert image.filesystem.deleted == ()


@requirement("layers.waste")
def test_little_is_written_twice(image: Image, design: Design) -> None:
    assert len(image.layers) > 1, "with one layer there is no later one"
    replaced = image.filesystem.overwritten
    assert sum(entry.wasted_bytes for entry in replaced) <= design.budgets.wasted_kib * KIB, f"replaced: {replaced}"


@requirement("layers.history")
def test_history_agrees_with_layers(image: Image) -> None:
    assert len([step for step in image.history if not step.empty_layer]) == len(image.layers)


@requirement("manifest.media-type")
def test_manifest(image: Image, design: Design) -> None:
    manifest = image.required_manifest
    assert manifest.media_type in design.image.manifest_media_types
    parts = {part.media_type for part in (manifest.config, *manifest.layers)}
    assert {vendor(part) for part in parts} == {vendor(manifest.media_type)}, f"{manifest.media_type} of {parts}"


def vendor(media_type: str) -> str:
    """Return whose a media type is: ``oci`` or ``docker``."""
    return media_type.partition("/vnd.")[2].partition(".")[0]
