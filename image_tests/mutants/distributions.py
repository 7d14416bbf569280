"""Metadata of Python distributions, console scripts, ELF files."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from image_harness.image import EntryType
from image_harness.image.compiled import compiled_modules
from image_harness.image.elf import elf_files
from image_harness.image.python_distributions import Distribution, python_distributions
from image_harness.mutants import Good, Mutant, mutant
from image_harness.mutants.changes import (
    add,
    appended,
    attributes,
    content,
    copy,
    edit,
    link,
    remove,
    replaced,
    swapped,
    together,
)

RECORDS, REQUIREMENTS, ELSE = "python.records", "python.requirements", "python.nothing-else"
COMPILED = "python.bytecode-sources"


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _metadata(good)
    yield from _compiled(good)
    yield from _elf(good)


def _distributions(good: Good) -> dict[str, Distribution]:
    found = python_distributions(good.image.filesystem, good.design.site_packages.path)
    return {distribution.key: distribution for distribution in found}


def _metadata(good: Good) -> Iterator[Mutant]:
    site, scripts = good.design.site_packages.path, good.design.site_packages.scripts
    distributions = _distributions(good)
    dependent = next(d for d in distributions.values() if any(";" not in line for line in d.requires))
    requirement = next(line for line in dependent.requires if ";" not in line)
    name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
    metadata = f"{dependent.path}/METADATA"
    line = f"\nRequires-Dist: {requirement}\n"
    for miss, other in {"newer": f"{name}>=9999", "unknown": f"{name}-unknown", "other-python": None}.items():
        if other is None:
            change = edit(
                metadata, lambda data: re.sub(rb"\nRequires-Python: [^\n]*", b"\nRequires-Python: >=3.99", data)
            )
        else:
            change = replaced(metadata, line, f"\nRequires-Dist: {other}\n")
        yield mutant(
            f"distribution.requires.{miss}",
            f"{dependent.name} requires {other or 'another Python'}",
            REQUIREMENTS,
            change,
            follows=RECORDS,
        )
    plain = f"{site}/{good.design.site_packages.packages[0].slug}/__init__.py"
    for miss, change in {
        "changed": edit(plain, lambda data: data.replace(b"e", b"E", 1)),
        "longer": edit(plain, lambda data: data + b"\n"),
        "shorter": edit(plain, lambda data: data[:-1]),
        "empty": content(plain, ""),
    }.items():
        resized = [COMPILED] if miss != "changed" else []
        yield mutant(f"distribution.record.{miss}", f"{plain} is {miss}", RECORDS, change, follows=resized)
    record = f"{dependent.path}/RECORD"
    yield mutant(
        "distribution.record.digest",
        "RECORD names another digest",
        RECORDS,
        edit(
            record,
            lambda data: re.sub(
                rb"sha256=.", lambda m: b"sha256=" + (b"A" if m[0][-1:] != b"A" else b"B"), data, count=1
            ),
        ),
    )
    yield mutant(
        "distribution.record.file",
        "RECORD names a file that is not there",
        RECORDS,
        edit(record, lambda data: data + b"nowhere.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"),
    )
    module = next(file.path for file in dependent.files if file.path.endswith(".py"))
    line_of = f"{module.removeprefix(site)[1:]},sha256="
    unhashed = edit(
        record,
        lambda data: re.sub(rf"(?m)^{re.escape(line_of)}.*$".encode(), lambda m: m[0].split(b",")[0] + b",,", data),
    )
    yield mutant(
        "distribution.record.no-hash",
        f"{module} is another, and RECORD has no hash of it",
        RECORDS,
        together(unhashed, edit(module, appended(b"\n"))),
        follows=COMPILED,
    )
    for miss, change in {"no-list": remove(record), "empty-list": content(record, "")}.items():
        forged = together(change, edit(module, appended(b"\n")))
        yield mutant(
            f"distribution.record.{miss}", f"{module} is another: {miss}", RECORDS, forged, follows=[ELSE, COMPILED]
        )
    own = {"uid": 65532, "gid": 65532, "mode": 0o755}
    for miss, path in {
        "hook": f"{site}/sitecustomize.py",
        "path-file": f"{site}/other.pth",
        "script": f"{scripts}/python3",
        "user-hook": "/usr/lib/python3.11/usercustomize.py",
        "dist-packages": "/usr/lib/python3/dist-packages/other.pth",
        "local-dist-packages": "/usr/local/lib/python3.11/dist-packages/fastapi.py",
        "user-site": f"{good.design.base.users['nonroot'].home}/.local/lib/python3.11/site-packages/other.pth",
        "archive": "/usr/lib/python311.zip",
        "environment": "/usr/bin/pyvenv.cfg",
    }.items():
        yield mutant(f"python.else.{miss}", f"{path}, which is nobody's", ELSE, add(path, "import os\n", **own))
    for miss, (path, target) in {
        "link": (f"{site}/yaml.py", "/app/__init__.py"),
        "link-of-debian": (f"{site}/json", "/usr/lib/python3.11/json"),
        "link-out": ("/usr/lib/python3.11/usercustomize.py", "/opt/hook.py"),
    }.items():
        leads = together(link(path, target, uid=65532, gid=65532), add("/opt/hook.py", "import os\n"))
        yield mutant(f"python.else.{miss}", f"{path} leads to {target}", ELSE, leads)
    hook, customization = "/etc/python3.11/sitecustomize.py", "python.site-customization"
    for miss, how in {
        "code": appended(b"import os\n"),
        "blank": appended(b"\n"),
        "case": swapped(b"apport_python_hook", b"Apport_python_hook"),
        "name": swapped(b"apport_python_hook", b"apport_python_h00k"),
        "empty": lambda _data: b"",
    }.items():
        yield mutant(f"site-customization.{miss}", f"{hook} is another: {miss}", customization, edit(hook, how))
    yield mutant(
        "site-customization.leads",
        f"{hook} leads to another",
        customization,
        together(remove(hook), link(hook, "/opt/hook.py"), add("/opt/hook.py", "import os\n")),
        follows=ELSE,
    )
    for miss, shebang in {
        "builder": "/usr/local/bin/python3.11",
        "env": "/usr/bin/env python3.11",
        "longer": "/usr/bin/python3.111",
        "relative": "python3.11",
    }.items():
        yield mutant(
            f"script.{miss}",
            f"a script runs with {shebang}",
            "python.scripts",
            add(f"{scripts}/extra", f"#!{shebang}\nprint()\n", **own),
            follows=ELSE,
        )
    found = next(e.path for e in good.image.filesystem.walk(scripts) if e.is_file and "." not in e.path)
    yield mutant(
        "script.own",
        f"{found} names the builder's interpreter",
        "python.scripts",
        replaced(found, "#!/usr/bin/python3.11", "#!/usr/local/bin/python3.11"),
        follows=RECORDS,
    )
    compiled = next(d for d in distributions.values() if any("aarch64" in tag for tag in d.wheel_tags))
    tag = next(tag for tag in compiled.wheel_tags if "aarch64" in tag)
    for miss, other in {
        "amd64": tag.replace("aarch64", "x86_64"),
        "arm": tag.replace("aarch64", "armv7l"),
        "longer": f"{tag}_be",
        "windows": "cp311-cp311-win_amd64",
    }.items():
        yield mutant(
            f"wheel.{miss}",
            f"{compiled.name} was built for {other}",
            "python.wheels",
            replaced(f"{compiled.path}/WHEEL", f"Tag: {tag}\n", f"Tag: {other}\n"),
            follows=RECORDS,
        )
    yield mutant(
        "wheel.absent",
        f"{compiled.name} has no WHEEL",
        "python.wheels",
        remove(f"{compiled.path}/WHEEL"),
        follows=RECORDS,
    )


def _compiled(good: Good) -> Iterator[Mutant]:
    """Compiled modules that RECORD names, as it names those of pip: without a digest."""
    site = good.design.site_packages.path
    distribution = next(d for d in _distributions(good).values() if any(f.path.endswith(".pyc") for f in d.files))
    compiled = next(file.path for file in distribution.files if file.path.endswith(".pyc"))
    source = next(one.source for one in compiled_modules(good.image.filesystem) if one.path == compiled)
    assert source is not None
    folder, name = compiled.rsplit("/", 1)
    own = {"uid": 65532, "gid": 65532}
    for miss, path in {
        "sourceless": f"{site}/other.pyc",
        "sourceless-beside": source.replace(".py", ".pyc"),
        "source-absent": f"{folder}/other.cpython-311.pyc",
        "other-interpreter": compiled.replace("cpython-311", "cpython-312"),
        "other-implementation": compiled.replace("cpython-311", "pypy311"),
        "tag-longer": compiled.replace("cpython-311", "cpython-3111"),
        "tag-case": compiled.replace("cpython-311", "CPython-311"),
        "tag-absent": compiled.replace(".cpython-311", ""),
        "folder-case": f"{folder.replace('__pycache__', '__PyCache__')}/{name}",
    }.items():
        line = f"{path.removeprefix(site)[1:]},,\n".encode()
        listed = edit(f"{distribution.path}/RECORD", appended(line))
        parent = path.rpartition("/")[0]
        if not good.image.filesystem.exists(parent):
            listed = together(add(parent, b"", type=EntryType.DIRECTORY, mode=0o755, **own), listed)
        put = add(path, good.image.filesystem.read_bytes(compiled), **own)
        yield mutant(f"compiled.{miss}", f"{path} is listed", COMPILED, together(put, listed))

    def header(at: int, by: int) -> Callable[[bytes], bytes]:
        def shifted(data: bytes) -> bytes:
            number = int.from_bytes(data[at : at + 4], "little") + by
            return data[:at] + number.to_bytes(4, "little") + data[at + 4 :]

        return shifted

    for miss, (what, change) in {
        "older": ("bears an earlier time than its source", edit(compiled, header(8, -1))),
        "newer": ("bears a later time than its source", edit(compiled, header(8, 1))),
        "size-less": ("bears a smaller size than its source", edit(compiled, header(12, -1))),
        "size-more": ("bears a larger size than its source", edit(compiled, header(12, 1))),
        "cut-off": ("ends within its header", edit(compiled, lambda data: data[:15])),
        "empty": ("is empty", content(compiled, "")),
        "clamped": ("is of a source whose time was clamped", attributes(source, mtime_ns=0)),
    }.items():
        yield mutant(f"compiled.{miss}", f"{compiled} {what}", COMPILED, change)


def _elf(good: Good) -> Iterator[Mutant]:
    filesystem = good.image.filesystem
    interpreter = good.design.image.interpreter
    libraries = [elf for elf in elf_files(filesystem) if elf.soname and elf.glibc_versions]
    model = min(libraries, key=lambda elf: filesystem.entry(elf.path).size)  # type: ignore[union-attr]
    wheel = next(elf for elf in elf_files(filesystem) if elf.path.startswith(good.design.site_packages.path))
    extra = "/opt/lib/extra.so"

    known = "elf.nothing-else"
    folder = model.path.rpartition("/")[0]
    for miss, path in {
        "elsewhere": "/opt/lib/other.so",
        "beside": f"{folder}/libother.so.1",
        "newer": f"{model.path}.1",
        "preloaded": "/opt/preloaded",
        "program": "/usr/libexec/other",
        "loader": "/lib64/ld-linux-aarch64.so.2",
    }.items():
        put = copy(model.path, path)
        if miss == "preloaded":
            put = together(put, add("/etc/ld.so.preload", f"{path}\n"))
        yield mutant(f"elf.other.{miss}", f"{path} is of no package", known, put)
    yield mutant(
        "elf.other.renamed",
        "a wheel's library has another name",
        known,
        together(copy(wheel.path, f"{wheel.path}.so"), remove(wheel.path)),
        follows=[RECORDS, ELSE],
    )

    def machine(number: int) -> Callable[[bytes], bytes]:
        return lambda data: data[:18] + number.to_bytes(2, "little") + data[20:]

    architecture, needed, glibc = "elf.architecture", "elf.libraries", "elf.glibc"
    for miss, number in {"amd64": 62, "arm": 40, "i386": 3, "none": 0}.items():
        yield mutant(
            f"elf.{miss}",
            f"a library is for machine {number}",
            architecture,
            copy(model.path, extra, machine(number)),
            follows=known,
            blinds=[needed, glibc],
        )
    # type, machine, and nothing that the loader could map
    big = b"\x7fELF\x02\x02\x01".ljust(16, b"\0") + struct.pack(">HH", 3, 183) + bytes(44)
    yield mutant("elf.big-endian", "a library is for big-endian AArch64", architecture, add(extra, big), follows=known)
    yield mutant(
        "elf.interpreter",
        "the interpreter is for amd64",
        [architecture, "elf.platform-agrees"],
        edit(interpreter, machine(62)),
        follows=["debian.files"],
        blinds=[needed, glibc],
    )
    yield mutant(
        "elf.wheel",
        f"{wheel.path} is for amd64",
        architecture,
        edit(wheel.path, machine(62)),
        follows=RECORDS,
        blinds=[needed, glibc],
    )
    soname = next(name for name in model.needed if name.startswith("libc.so"))
    for miss, other in {"version": "libc.so.7", "case": "libC.so.6", "name": "libd.so.6"}.items():
        yield mutant(
            f"elf.needed.{miss}",
            f"a library needs {other}",
            needed,
            copy(model.path, extra, swapped(soname.encode() + b"\0", other.encode() + b"\0")),
            follows=known,
            blinds=[glibc],
        )
    yield mutant(
        "elf.needed.configured",
        "a library needs one that is where ld.so.conf says, and no cache says so",
        needed,
        together(
            copy(model.path, extra, swapped(soname.encode() + b"\0", b"libd.so.6\0")),
            copy(model.path, "/opt/lib/libd.so.6"),
            add("/etc/ld.so.conf", "/opt/lib\n"),
        ),
        follows=known,
        blinds=[glibc],
    )
    gone = next(
        entry.path
        for entry in filesystem.walk("/lib")
        if entry.is_symlink and entry.path.rsplit("/", 1)[1].startswith("libz.so")
    )
    yield mutant("elf.library-link-absent", f"no {gone}", needed, remove(gone), blinds=[glibc])
    yield mutant(
        "elf.library-link-wrong", f"{gone} leads nowhere", needed, attributes(gone, target="libz.so.9"), blinds=[glibc]
    )
    version = max(model.glibc_versions)
    text = version.encode() if version.startswith("GLIBC_") else f"GLIBC_{version}".encode()
    newer = text[:-2] + b"99"
    yield mutant(
        "elf.glibc.newer",
        f"a library needs {newer.decode()}",
        glibc,
        copy(model.path, extra, lambda data: data.replace(text + b"\0", newer + b"\0")),
        follows=known,
    )
