"""What the runtime base brings along."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from image_harness.design import Design, FileDesign
from image_harness.image import EntryType
from image_harness.image.debian import checksums, debian_packages
from image_harness.image.elf import elf_files
from image_harness.mutants import Good, Mutant, mutant, near_misses
from image_harness.mutants.changes import (
    Change,
    add,
    appended,
    attributes,
    content,
    edit,
    link,
    remove,
    replaced,
    together,
)

STATUS = "/var/lib/dpkg/status.d"
ELSE, ELF = "python.nothing-else", "elf.nothing-else"
LIBC_LIST = f"{STATUS}/libc6.md5sums"


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _debian(good)
    yield from _accounts(good)
    yield from _base(good.design)


def _debian(good: Good) -> Iterator[Mutant]:
    filesystem = good.image.filesystem
    extra = "base.no-other-package"
    elfs = {elf.path for elf in elf_files(filesystem)}
    for item in good.design.collection("base.debian_packages"):
        path = next(
            p
            for p in (f"{STATUS}/{item.value}", *(e.path for e in filesystem.children(STATUS)))
            if filesystem.entry(p) and f"Package: {item.value}\n" in filesystem.read_text(p)
        )
        kills = f"base.package.{item.slug}"
        shipped = set(_shipped(good, item.value))
        modules = any(path.startswith("/usr/lib/python") for path in shipped)
        yield mutant(
            f"debian.{item.slug}.absent",
            f"the metadata lists no {item.value}",
            kills,
            remove(path),
            follows=[*[ELSE] * modules, *[ELF] * (not elfs.isdisjoint(shipped))],
        )
        for miss, name in {"longer": f"{item.value}x", "case": item.value.upper(), "part": item.value[:-1]}.items():
            change = replaced(path, f"Package: {item.value}\n", f"Package: {name}\n")
            yield mutant(f"debian.{item.slug}.{miss}", f"{name} instead of {item.value}", kills, change, follows=extra)
    script = good.design.application.entrypoint
    sums = f"{hashlib.md5(filesystem.read_bytes(script), usedforsecurity=False).hexdigest()}  {script[1:]}\n"
    for name in ("bash", "dpkg", "libssl1.1"):
        stanza = f"Package: {name}\nVersion: 1\nArchitecture: arm64\n"
        listed = together(add(f"{STATUS}/{name}", stanza), add(f"{STATUS}/{name}.md5sums", sums))
        yield mutant(f"debian.extra.{name}", f"the metadata lists {name}", extra, listed)
    rest = "Status: install ok installed\nVersion: 1\nArchitecture: arm64\n\n"
    known = f"Package: {good.design.base.debian_packages[0]}\n{rest}"
    for name, text in {"empty": "", "known": known}.items():
        yield mutant(
            f"debian.database.{name}",
            "dpkg's own database is there",
            "base.no-dpkg-status",
            add("/var/lib/dpkg/status", text),
        )
    builder = "Package: gcc\nStatus: install ok installed\nVersion: 4:12\nArchitecture: arm64\n\n"
    yield mutant(
        "debian.database.builder",
        "the builder's package database came along",
        ["base.no-dpkg-status", extra],
        together(add("/var/lib/dpkg/status", builder), add("/var/lib/dpkg/info/gcc.md5sums", sums)),
    )
    yield mutant(
        "debian.database.link",
        "dpkg's own database is a dangling link",
        "base.no-dpkg-status",
        link("/var/lib/dpkg/status", "status-old"),
    )
    documents = "/usr/lib/python3.11/antigravity.py"
    one = next(p for p in (documents, "/usr/lib/python3.11/this.py") if filesystem.exists(p))
    yield mutant(
        "debian.files.changed",
        f"one byte of {one} is another",
        "debian.files",
        edit(one, lambda data: data[:-2] + b"#" + data[-1:]),
    )
    yield mutant("debian.files.longer", f"{one} has a line more", "debian.files", edit(one, lambda data: data + b"\n"))
    yield mutant("debian.files.empty", f"{one} is empty", "debian.files", content(one, ""))
    yield mutant("debian.files.absent", f"{one} is gone", "debian.files", remove(one))
    library = next(path for path in _shipped(good, "libc6") if path.endswith("/libc.so.6"))
    for miss, change in {"no-list": remove(LIBC_LIST), "empty-list": content(LIBC_LIST, "")}.items():
        other = edit(library, appended(b"\0"))
        what = f"{library} is another: {miss}"
        yield mutant(f"debian.files.{miss}", what, "debian.files", together(change, other), follows=ELF)
    dangling = link(one, "nowhere.py")
    yield mutant("debian.files.link", f"{one} is a link that leads nowhere", "debian.files", dangling, follows=ELSE)


def _shipped(good: Good, name: str) -> Iterator[str]:
    """Yield where in the image the files of a package are."""
    filesystem = good.image.filesystem
    for package in debian_packages(filesystem):
        if package.name == name:
            yield from (filesystem.resolve(path) for path in checksums(filesystem, package))


def _accounts(good: Good) -> Iterator[Mutant]:
    users, groups = "/etc/passwd", "/etc/group"
    for item in good.design.collection("base.users"):
        account, kills = item.value, f"base.user.{item.slug}"
        line = next(
            line for line in good.image.filesystem.read_text(users).splitlines() if line.startswith(f"{item.key}:")
        )
        fields = line.split(":")
        wrong = {
            "uid": [*fields[:2], str(account.uid + 1), *fields[3:]],
            "gid": [*fields[:3], str(account.gid + 1), *fields[4:]],
            "home": [*fields[:5], f"{account.home}x", *fields[6:]],
            "shell": [*fields[:6], "/bin/sh"],
            "shell-blank": [*fields[:6], f"{account.shell} "],
        }
        for miss, values in wrong.items():
            yield mutant(
                f"account.{item.slug}.{miss}",
                f"{item.key} has another {miss}",
                kills,
                replaced(users, f"{line}\n", ":".join(values) + "\n"),
            )
        yield mutant(
            f"account.{item.slug}.absent",
            f"no account {item.key}",
            [kills, "base.no-other-user"],
            replaced(users, f"{line}\n", ""),
        )
        yield mutant(
            f"account.{item.slug}.commented",
            f"{item.key} stands in a comment",
            [kills, "base.no-other-user"],
            replaced(users, f"{line}\n", f"# {line}\n"),
            blinds=["base.user.root", "base.user.nobody", "base.user.nonroot"],
        )
    more = {
        "root-like": "toor:x:0:0::/root:/sbin/nologin\n",
        "builder": "builder:x:1000:1000::/:/bin/sh\n",
        "twice": "nonroot:x:65532:65532::/:/bin/sh\n",
    }
    for miss, line in more.items():
        yield mutant(
            f"account.extra.{miss}",
            f"/etc/passwd also has {line.strip()}",
            "base.no-other-user",
            edit(users, appended(line.encode())),
        )
    for item in good.design.collection("base.groups"):
        kills = f"base.group.{item.slug}"
        line = next(
            line for line in good.image.filesystem.read_text(groups).splitlines() if line.startswith(f"{item.key}:")
        )
        name, password, _, members = line.split(":")
        for miss, text in {
            "gid": f"{name}:{password}:{item.value + 1}:{members}\n",
            "name": f"{name}s:{password}:{item.value}:{members}\n",
            "member": f"{name}:{password}:{item.value}:nobody\n",
            "absent": "",
        }.items():
            yield mutant(
                f"group.{item.slug}.{miss}", f"the group {item.key}: {miss}", kills, replaced(groups, f"{line}\n", text)
            )


def _base(design: Design) -> Iterator[Mutant]:
    release, name = "/usr/lib/os-release", design.base.os_release_name
    for miss, value in near_misses(name):
        yield mutant(
            f"os-release.{miss}",
            f"PRETTY_NAME is {value!r}",
            "base.os-release",
            replaced(release, f'PRETTY_NAME="{name}"', f'PRETTY_NAME="{value}"'),
        )
    yield mutant(
        "os-release.comment",
        "PRETTY_NAME stands in a comment",
        "base.os-release",
        replaced(release, f'PRETTY_NAME="{name}"', f'#PRETTY_NAME="{name}"'),
    )
    yield mutant(
        "os-release.other-key",
        "another key has the name",
        "base.os-release",
        replaced(release, f'PRETTY_NAME="{name}"', f'NOT_PRETTY_NAME="{name}"'),
    )
    yield mutant("os-release.absent", "no os-release", "base.os-release", remove(release))
    for item in design.collection("base.files"):
        for miss, change in _wrong(item.key, item.value):
            yield mutant(
                f"base-file.{item.slug}.{miss}",
                f"{item.key}: {miss}",
                f"base.file.{item.slug}",
                change,
                blinds=_told_by(item.key, design),
            )


def _wrong(path: str, wanted: FileDesign) -> Iterator[tuple[str, Change]]:
    """Yield what is nearly what the design wants at a path."""
    yield "absent", remove(path)
    if wanted.type != "file":
        mode = int(wanted.mode or "0755", 8) & 0o1775
        yield "file", together(remove(path), add(path, "x", mode=mode, uid=wanted.uid or 0, gid=wanted.gid or 0))
    if wanted.empty is False:
        yield "empty", content(path, "")
    if wanted.type == "file":
        yield "directory", together(remove(path), add(path, type=EntryType.DIRECTORY, mode=0o755))
    if wanted.mode is not None:
        mode = int(wanted.mode, 8)
        for miss, other in {"open": 0o755, "closed": 0, "group": mode ^ 0o010, "off-by-one": mode ^ 1}.items():
            yield f"mode-{miss}", attributes(path, mode=other)
    for name, id_ in {"uid": wanted.uid, "gid": wanted.gid}.items():
        if id_ is not None:
            yield name, attributes(path, **{name: id_ + 1})
    if wanted.links_to is not None:
        targets = {"nowhere": f"{wanted.links_to}2", "elsewhere": "/usr/lib/os-release", "circle": path}
        for miss, target in targets.items():
            yield f"link-{miss}", attributes(path, target=target)


def _told_by(path: str, design: Design) -> list[str]:
    """Return the requirements that nobody can tell without a file."""
    users = [*(f"base.user.{name}" for name in design.base.users), "base.no-other-user"]
    groups = [f"base.group.{name}" for name in design.base.groups]
    return [*users, *groups] if path in ("/etc/passwd", "/etc/group") else []
