"""A library counts as there only where the image's own loader would find it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from image_harness.image import FileSystem
from image_harness.image.elf import ElfClass, ElfFile, Machine, read_elf
from image_harness.image.libraries import Libraries, MissingVersion, glibc_version
from tests.image.builder import ImageBuilder, Node, entry_at, open_built, symlink
from tests.image.elf_builder import ElfBuilder

LIBRARY = ElfBuilder().build()
CACHE = {"etc/ld.so.cache": b""}
DEFAULT = "lib/aarch64-linux-gnu"


class Open(Protocol):
    def __call__(self, user: ElfBuilder, **files: Node | bytes) -> tuple[FileSystem, ElfFile]: ...


@pytest.fixture
def open_user(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as images:

        def open_files(user: ElfBuilder, **files: Node | bytes) -> tuple[FileSystem, ElfFile]:
            build = ImageBuilder().layer({**files, "app/bin/user": user.build()})
            fs = images.enter_context(open_built(build, tmp_path)).filesystem
            return fs, read_elf(fs, entry_at(fs, "/app/bin/user"))

        yield open_files


@pytest.mark.parametrize(
    ("user", "files"),
    [
        (ElfBuilder(), {"lib/liba.so": LIBRARY}),
        (ElfBuilder(), {"usr/lib/aarch64-linux-gnu/liba.so": LIBRARY}),
        (ElfBuilder(), {"usr/lib/liba.so": LIBRARY}),
        (ElfBuilder(), {"lib64/liba.so": LIBRARY}),
        (ElfBuilder(), {"usr/lib64/liba.so": LIBRARY}),
        (ElfBuilder(), {"etc/ld.so.conf": b"/opt/c#comment\n", "opt/c/liba.so": LIBRARY}),
        (ElfBuilder(), {"etc/ld.so.conf": b"/opt/caf\xe9\n", "opt/caf\udce9/liba.so": LIBRARY}),
        (ElfBuilder(), {"etc/ld.so.conf": b"include absent/*\ninclude ld.so.conf/*\n/opt\n", "opt/liba.so": LIBRARY}),
        (
            ElfBuilder(),
            {"lib": symlink("usr/lib"), "usr/lib/liba.so.1": LIBRARY, "usr/lib/liba.so": symlink("liba.so.1")},
        ),
        (ElfBuilder(rpath="/opt/a"), {"opt/a/liba.so": LIBRARY}),
        (ElfBuilder(runpath="/opt/b:$ORIGIN/../libs"), {"app/libs/liba.so": LIBRARY}),
        (ElfBuilder(runpath="${ORIGIN}"), {"app/bin/liba.so": LIBRARY}),
        (ElfBuilder(), {"etc/ld.so.conf": b"# comment\n/opt/c # more\n", "opt/c/liba.so": LIBRARY}),
        (
            ElfBuilder(),
            {
                "etc/ld.so.conf": b"include ld.so.conf.d/*.conf\n",
                "etc/ld.so.conf.d/x.conf": b"/opt/d\n",
                "opt/d/liba.so": LIBRARY,
            },
        ),
    ],
)
def test_a_library_is_found_where_the_loader_looks(
    open_user: Open, user: ElfBuilder, files: Mapping[str, Node | bytes]
) -> None:
    user.needed = ("liba.so",)
    fs, elf = open_user(user, **CACHE, **files)
    assert Libraries(fs).missing(elf) == ()


def test_what_is_configured_counts_once_there_is_a_cache(open_user: Open) -> None:
    fs, elf = open_user(ElfBuilder(needed=("liba.so",)), **{"etc/ld.so.conf": b"/opt/c\n", "opt/c/liba.so": LIBRARY})
    assert Libraries(fs).missing(elf) == ("liba.so",)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"opt/liba.so": LIBRARY},
        {"lib/liba.so": b"a linker script"},
        {"lib/liba.so": symlink("absent")},
        {"lib/liba.so": ElfBuilder(machine=Machine.X86_64).build()},
        {"lib/libA.so": LIBRARY},
        {"lib/x86_64-linux-gnu/liba.so": LIBRARY},
        {"etc/ld.so.conf": b"include other.conf\n", "opt/liba.so": LIBRARY},
    ],
)
def test_a_library_elsewhere_or_for_another_machine_is_missing(
    open_user: Open, files: Mapping[str, Node | bytes]
) -> None:
    fs, elf = open_user(ElfBuilder(needed=("liba.so",)), **CACHE, **files)
    assert Libraries(fs).missing(elf) == ("liba.so",)


def test_programs_of_32_bits_do_not_look_where_libraries_of_64_are(open_user: Open) -> None:
    user = ElfBuilder(Machine.ARM, ElfClass.ELF32, needed=("liba.so",))
    library = ElfBuilder(Machine.ARM, ElfClass.ELF32).build()
    fs, elf = open_user(user, **{"lib64/liba.so": library})
    assert Libraries(fs).missing(elf) == ("liba.so",)
    fs, elf = open_user(user, **{"lib/liba.so": library})
    assert Libraries(fs).missing(elf) == ()


def test_a_library_of_another_machine_is_passed_over_for_the_next(open_user: Open) -> None:
    files = {"lib/aarch64-linux-gnu/liba.so": ElfBuilder(machine=62).build(), "lib/liba.so": LIBRARY}
    fs, elf = open_user(ElfBuilder(needed=("liba.so",)), **files)
    found = Libraries(fs).find(elf, "liba.so")
    assert found is not None
    assert found.path == "/lib/liba.so"


@pytest.mark.parametrize(("folder", "found"), [("lib", True), ("lib/None", False)])
def test_a_machine_without_a_folder_of_its_own_has_the_common_ones(folder: str, found: bool, open_user: Open) -> None:
    sparc = 2
    fs, user = open_user(
        ElfBuilder(machine=sparc, needed=("liba.so",)), **{f"{folder}/liba.so": ElfBuilder(machine=sparc).build()}
    )
    assert (Libraries(fs).find(user, "liba.so") is not None) is found


def test_the_environment_counts_between_rpath_and_runpath(open_user: Open) -> None:
    files = {f"opt/{name}/liba.so": LIBRARY for name in ("rpath", "environment", "runpath")}
    for user, expected in (
        (ElfBuilder(rpath="/opt/rpath"), "rpath"),
        (ElfBuilder(runpath="/opt/runpath"), "environment"),
        (ElfBuilder(rpath="/opt/rpath", runpath="/opt/runpath"), "environment"),
    ):
        fs, elf = open_user(user, **files)
        found = Libraries(fs, {"LD_LIBRARY_PATH": "/opt/environment:"}).find(elf, "liba.so")
        assert found is not None
        assert found.path == f"/opt/{expected}/liba.so"


def test_the_program_loader_itself_must_be_there(open_user: Open) -> None:
    user = ElfBuilder(interpreter="/lib/ld-linux-aarch64.so.1")
    fs, elf = open_user(user)
    assert Libraries(fs).missing(elf) == ("/lib/ld-linux-aarch64.so.1",)
    fs, elf = open_user(user, **{"lib/ld-linux-aarch64.so.1": LIBRARY})
    assert Libraries(fs).missing(elf) == ()


def test_a_name_with_a_slash_is_a_path(open_user: Open) -> None:
    user = ElfBuilder(needed=("/opt/liba.so", "$ORIGIN/libb.so", "/opt/absent.so"))
    fs, elf = open_user(user, **{"opt/liba.so": LIBRARY, "app/bin/libb.so": LIBRARY})
    assert Libraries(fs).missing(elf) == ("/opt/absent.so",)


def test_symbol_versions_are_compared_with_the_library_that_would_be_loaded(open_user: Open) -> None:
    libc = ElfBuilder(soname="libc.so.6", defined_versions=("libc.so.6", "GLIBC_2.17", "GLIBC_2.36")).build()
    user = ElfBuilder(
        needed=("libc.so.6",),
        needed_versions={"libc.so.6": ("GLIBC_2.17", "GLIBC_2.38"), "libabsent.so": ("ABSENT_1",)},
    )
    fs, elf = open_user(user, **{f"{DEFAULT}/libc.so.6": libc})
    assert Libraries(fs).missing_versions(elf) == (MissingVersion("libc.so.6", "GLIBC_2.38", f"/{DEFAULT}/libc.so.6"),)
    assert glibc_version(fs, elf) == "GLIBC_2.36"


def test_the_missing_versions_of_all_libraries_are_told(open_user: Open) -> None:
    library = ElfBuilder(defined_versions=("lib.so", "ONE")).build()
    user = ElfBuilder(
        needed=("liba.so", "libb.so"), needed_versions={"liba.so": ("ONE", "TWO"), "libb.so": ("ONE", "THREE")}
    )
    fs, elf = open_user(user, **{"lib/liba.so": library, "lib/libb.so": library})
    assert Libraries(fs).missing_versions(elf) == (
        MissingVersion("liba.so", "TWO", "/lib/liba.so"),
        MissingVersion("libb.so", "THREE", "/lib/libb.so"),
    )


def test_the_newest_glibc_version_is_by_number_and_private_ones_do_not_count(open_user: Open) -> None:
    versions = (
        "libc.so.6",
        "GLIBC_2.4",
        "GLIBC_2.36",
        "GLIBC_2.9",
        "GLIBC_PRIVATE",
        "GLIBC_9.",
        "GLIBC_\N{SUPERSCRIPT TWO}",
    )
    fs, elf = open_user(ElfBuilder(), **{"lib/libc.so.6": ElfBuilder(defined_versions=versions).build()})
    assert glibc_version(fs, elf) == "GLIBC_2.36"


def test_an_image_without_glibc_has_no_version_of_it(open_user: Open) -> None:
    fs, elf = open_user(ElfBuilder())
    assert glibc_version(fs, elf) is None


def test_configuration_files_that_include_themselves_end(open_user: Open) -> None:
    fs, elf = open_user(ElfBuilder(needed=("liba.so",)), **CACHE, **{"etc/ld.so.conf": b"include ld.so.conf\n" * 3})
    assert Libraries(fs).missing(elf) == ("liba.so",)
