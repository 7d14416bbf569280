"""ELF files are read without running or trusting them, and as pyelftools reads them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection
from elftools.elf.segments import InterpSegment

from image_harness.image import ImageError
from image_harness.image.elf import ElfClass, ElfFile, Machine, elf_files, is_elf, read_elf
from tests.image.builder import Open, entry_at, hard_link
from tests.image.elf_builder import ElfBuilder

HOST_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"), Path("/usr/bin"))


def _read(open_layers: Open, data: bytes) -> ElfFile:
    fs = open_layers({"file": data})
    return read_elf(fs, entry_at(fs, "/file"))


@pytest.mark.parametrize("elf_class", list(ElfClass))
@pytest.mark.parametrize("little_endian", [True, False])
def test_every_fact_is_read_in_both_classes_and_byte_orders(
    open_layers: Open, elf_class: ElfClass, little_endian: bool
) -> None:
    built = ElfBuilder(
        machine=Machine.PPC64,
        elf_class=elf_class,
        little_endian=little_endian,
        interpreter="/lib/ld.so",
        needed=("libc.so.6", "libm.so.6"),
        soname="libself.so.1",
        rpath="/a:$ORIGIN/b",
        runpath="/c",
        needed_versions={"libc.so.6": ("GLIBC_2.17", "GLIBC_2.9", "OTHER_1"), "libm.so.6": ("GLIBC_2.34", "WEAK_1")},
        defined_versions=("libself.so.1", "SELF_1.0"),
        weak=("WEAK_1",),
    )
    elf = _read(open_layers, built.build())
    assert elf == ElfFile(
        path="/file",
        elf_class=elf_class,
        machine=Machine.PPC64,
        little_endian=little_endian,
        interpreter="/lib/ld.so",
        needed=("libc.so.6", "libm.so.6"),
        soname="libself.so.1",
        rpath=("/a", "$ORIGIN/b"),
        runpath=("/c",),
        needed_versions={"libc.so.6": ("GLIBC_2.17", "GLIBC_2.9", "OTHER_1"), "libm.so.6": ("GLIBC_2.34",)},
        defined_versions=("libself.so.1", "SELF_1.0"),
    )
    assert elf.glibc_versions == ("GLIBC_2.9", "GLIBC_2.17", "GLIBC_2.34")


def test_a_machine_without_a_name_is_its_number(open_layers: Open) -> None:
    assert _read(open_layers, ElfBuilder(machine=4711).build()).machine == 4711


def test_a_static_program_needs_nothing(open_layers: Open) -> None:
    header = ElfBuilder().build()[:64]
    elf = _read(open_layers, header[:56] + bytes(8))
    assert (elf.needed, elf.interpreter, elf.needed_versions) == ((), None, {})


def test_files_are_found_by_their_first_bytes_whatever_their_name(open_layers: Open) -> None:
    program = ElfBuilder().build()
    fs = open_layers(
        {"bin/program": program, "lib/x.so": b"text", "data.txt": program, "short": b"\x7fELF", "empty": b""}
    )
    assert [elf.path for elf in elf_files(fs)] == ["/bin/program", "/data.txt"]
    assert is_elf(fs, entry_at(fs, "/bin/program"))
    assert not is_elf(fs, entry_at(fs, "/bin"))


def _changed(position: int, value: bytes) -> bytes:
    data = bytearray(ElfBuilder(needed=("a",), needed_versions={"a": ("V",)}).build())
    data[position : position + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF" + bytes(100), "0 is not a valid ElfClass"),
        (_changed(5, b"\x07"), "byte order 7 is unknown"),
        (b"#!/bin/sh" * 20, "it does not begin as one"),
        (b"\x7fELF", "it does not begin as one"),
        (_changed(0, b"")[:40], "unpack|requires"),
        (_changed(32, b"\xff" * 8), "something in it is at byte 18446744073709551615"),
        (_changed(56, b"\xff\xff"), "it has 65535 program headers"),
        (_changed(54, b"\x01\x00"), "program headers of 1 bytes"),
        (_changed(64, bytes(4)), "nothing is loaded at address"),
        (_changed(0, b"")[:-40], f"it ends before byte {len(_changed(0, b''))}$"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(open_layers: Open, data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"/file: damaged ELF file: .*{message}"):
        _read(open_layers, data)


def test_names_are_bytes(open_layers: Open) -> None:
    data = ElfBuilder(needed=("caf~",)).build().replace(b"caf~", b"caf\xe9")
    assert _read(open_layers, data).needed == ("caf\udce9",)


def test_names_may_be_long_but_end(open_layers: Open) -> None:
    assert _read(open_layers, ElfBuilder(needed=("a" * 4095,)).build()).needed == ("a" * 4095,)
    with pytest.raises(ImageError, match=r"/file: damaged ELF file: the text at byte \d+ does not end$"):
        _read(open_layers, ElfBuilder(needed=("a" * 4096,)).build())


def test_versions_that_are_no_numbers_come_before_those_that_are(open_layers: Open) -> None:
    versions = ("GLIBC_2.17", "GLIBC_ABI_DT_RELR", "OTHER_1", "GLIBC_2.4", "GLIBC_PRIVATE", "GLIBC_\N{SUPERSCRIPT TWO}")
    elf = _read(open_layers, ElfBuilder(needed_versions={"libc.so.6": versions}).build())
    assert set(elf.glibc_versions[:3]) == {"GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE", "GLIBC_\N{SUPERSCRIPT TWO}"}
    assert elf.glibc_versions[3:] == ("GLIBC_2.4", "GLIBC_2.17")


def test_one_content_under_two_names_is_two_files(open_layers: Open) -> None:
    fs = open_layers({"a": ElfBuilder().build(), "b": hard_link("a")})
    assert [elf.path for elf in elf_files(fs)] == ["/a", "/b"]


def test_symbol_versions_that_lead_in_a_circle_end(open_layers: Open) -> None:
    data = ElfBuilder(needed_versions={"a": ("V",)}).build()
    count = data.index(b"\xff\xff\xff\x6f\x00\x00\x00\x00") + 8
    circle = data[:count] + (2**31).to_bytes(8, "little") + data[count + 8 :]
    with pytest.raises(ImageError, match="it has 2147483648 symbol versions"):
        _read(open_layers, circle)


def test_real_files_read_as_pyelftools_reads_them(open_layers: Open) -> None:
    files = [path for folder in HOST_FOLDERS if folder.is_dir() for path in sorted(folder.iterdir())]
    chosen = {path.name: path.read_bytes() for path in files[::71] if path.is_file() and path.stat().st_size < 500_000}
    found = {elf.path.removeprefix("/"): elf for elf in elf_files(open_layers(chosen))}
    assert len(found) > 10
    assert set(found) == {name for name, data in chosen.items() if data.startswith(b"\x7fELF")}
    for name, elf in found.items():
        _compare(elf, ELFFile(io.BytesIO(chosen[name])))


def _compare(elf: ElfFile, other: ELFFile) -> None:
    assert elf.elf_class == (ElfClass.ELF64 if other.elfclass == 64 else ElfClass.ELF32)
    assert elf.machine == {"EM_X86_64": 62, "EM_AARCH64": 183, "EM_386": 3}[other["e_machine"]]
    interpreters = [item.get_interp_name() for item in other.iter_segments() if isinstance(item, InterpSegment)]
    assert elf.interpreter == next(iter(interpreters), None)
    tags = [tag for item in other.iter_segments() if isinstance(item, DynamicSegment) for tag in item.iter_tags()]
    assert list(elf.needed) == [vars(tag)["needed"] for tag in tags if tag.entry.d_tag == "DT_NEEDED"]
    names = (vars(tag)["soname"] for tag in tags if tag.entry.d_tag == "DT_SONAME")
    assert elf.soname == next(names, None)
    sections = list(other.iter_sections())
    needed = {
        version.name: tuple(item.name for item in items if not item["vna_flags"] & 2)
        for section in sections
        if isinstance(section, GNUVerNeedSection)
        for version, items in section.iter_versions()
    }
    assert elf.needed_versions == needed
    defined = [
        next(items).name
        for section in sections
        if isinstance(section, GNUVerDefSection)
        for _, items in section.iter_versions()
    ]
    assert list(elf.defined_versions) == defined
