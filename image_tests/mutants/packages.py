"""Python packages and the requirements file."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from image_harness.image import EntryType
from image_harness.image.python_distributions import Distribution, python_distributions
from image_harness.mutants import Good, Mutant, mutant
from image_harness.mutants.changes import (
    Change,
    add,
    in_dockerfile,
    remove,
    replaced,
    source,
    together,
)

RECORDS, REQUIREMENTS, ELSE = "python.records", "python.requirements", "python.nothing-else"


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _installed(good)
    yield from _required(good)


def _distributions(good: Good) -> dict[str, Distribution]:
    found = python_distributions(good.image.filesystem, good.design.site_packages.path)
    return {distribution.key: distribution for distribution in found}


def _installed(good: Good) -> Iterator[Mutant]:
    site = good.design.site_packages.path
    distributions = _distributions(good)
    for package in good.design.site_packages.packages:
        folder, kills = f"{site}/{package.slug}", f"site-packages.present.{package.slug}"
        found = distributions[package.distribution]
        yield mutant(f"package.{package.slug}.absent", f"no {folder}", kills, remove(folder), follows=RECORDS)
        yield mutant(
            f"package.{package.slug}.no-init",
            f"{folder} has no __init__.py",
            kills,
            remove(f"{folder}/__init__.py"),
            follows=[RECORDS, "python.bytecode-sources"],
        )
        as_file = together(remove(folder), add(folder, "x", uid=65532, gid=65532))
        yield mutant(f"package.{package.slug}.file", f"{folder} is a file", kills, as_file, follows=[RECORDS, ELSE])
        in_capitals = together(
            remove(folder), add(f"{site}/{package.slug.upper()}/__init__.py", "x", uid=65532, gid=65532)
        )
        yield mutant(
            f"package.{package.slug}.case",
            f"{folder} is written in capitals",
            kills,
            in_capitals,
            follows=[RECORDS, ELSE, "owner.site-packages"],
        )
        metadata, version = f"{found.path}/METADATA", f"\nVersion: {found.version}\n"
        installed = f"packages.installed.{package.slug}"
        for miss, other in {"newer": f"{found.version}.1", "local": f"{found.version}+local"}.items():
            yield mutant(
                f"package.{package.slug}.{miss}",
                f"{package.slug} {other} is installed",
                installed,
                replaced(metadata, version, f"\nVersion: {other}\n"),
                follows=RECORDS,
            )
        needed = any(
            package.distribution in re.split(r"[^a-z0-9-]", line.lower().replace("_", "-"))[0:1]
            and "extra ==" not in line
            for d in distributions.values()
            for line in d.requires
        )
        native = any(tag.rpartition("-")[2] != "any" for tag in found.wheel_tags)
        yield mutant(
            f"package.{package.slug}.no-metadata",
            f"no dist-info of {package.slug}",
            installed,
            remove(found.path),
            follows=[ELSE, *[REQUIREMENTS] * needed, *["elf.nothing-else"] * native],
        )

    first = good.design.site_packages.packages[0]
    yield mutant(
        f"package.{first.slug}.second",
        f"{first.slug} 0.1 is installed beside the right one",
        f"packages.installed.{first.slug}",
        _distribution(site, first.distribution, "0.1"),
    )


def _distribution(site: str, name: str, version: str) -> Change:
    """Put the metadata of a distribution without any module into the image, complete and consistent."""
    folder = f"{name}-{version}.dist-info"
    own: dict[str, Any] = {"uid": 65532, "gid": 65532}
    files = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "WHEEL": "Tag: py3-none-any\n"}
    record = "".join(f"{folder}/{file},sha256={_digest(text)},\n" for file, text in files.items())
    return together(
        add(f"{site}/{folder}", type=EntryType.DIRECTORY, mode=0o755, **own),
        *(add(f"{site}/{folder}/{file}", text, **own) for file, text in files.items()),
        add(f"{site}/{folder}/RECORD", f"{record}{folder}/RECORD,,\n", **own),
    )


def _digest(text: str) -> str:
    """Return what RECORD calls the SHA-256 digest of a text."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _required(good: Good) -> Iterator[Mutant]:
    path = good.design.requirements_file
    text = good.source(path)
    entries = re.findall(r"^\S+==[^\n]*(?:\n {4}[^\n]*)*\n", text, re.MULTILINE)
    distributions = _distributions(good)
    by_name = {entry.partition("==")[0].lower().replace("_", "-"): entry for entry in entries}

    def swap(old: str, new: str) -> Callable[[str], str]:
        return lambda whole: whole.replace(old, new)

    for package in good.design.site_packages.packages:
        entry = by_name[package.distribution]
        required, installed = f"packages.required.{package.slug}", f"packages.installed.{package.slug}"
        for miss, other in {
            "absent": "",
            "comment": "# " + entry.replace("\n", "\n# ").removesuffix("# "),
            "longer": entry.replace("==", "-extra==", 1),
            "part": entry[1:],
        }.items():
            yield mutant(
                f"requirements.{package.slug}.{miss}",
                f"{package.distribution} is required: {miss}",
                required,
                source(path, swap(entry, other)),
                follows=installed,
            )
        version = distributions[package.distribution].version
        yield mutant(
            f"requirements.{package.slug}.version",
            f"another version of {package.distribution} is required",
            installed,
            source(
                path, swap(f"{entry.splitlines()[0]}", entry.splitlines()[0].replace(f"=={version}", f"=={version}.1"))
            ),
        )
    pinned = "packages.pinned"
    indirect = next(
        e for n, e in by_name.items() if n not in {p.distribution for p in good.design.site_packages.packages}
    )
    for miss, change in {
        "at-least": swap(indirect, indirect.replace("==", ">=", 1)),
        "compatible": swap(indirect, indirect.replace("==", "~=", 1)),
        "wildcard": swap(indirect, re.sub(r"==(\d+)\S*", r"==\1.*", indirect, count=1)),
        "no-version": swap(indirect, re.sub(r"==\S+", "", indirect, count=1)),
        "no-hash": swap(indirect, indirect.splitlines()[0].replace(" \\", "") + "\n"),
        "md5": swap("--hash=sha256:", "--hash=md5:"),
        "one-md5": lambda whole: whole.replace("--hash=sha256:", "--hash=md5:", 1),
        "extra-loose": lambda whole: whole + "left-pad>=1\n",
    }.items():
        yield mutant(f"requirements.pinned.{miss}", f"the requirements file: {miss}", pinned, source(path, change))
    file = "packages.requirements-file"
    blinds = [
        pinned,
        *(
            f"packages.{kind}.{p.slug}"
            for kind in ("required", "installed")
            for p in good.design.site_packages.packages
        ),
    ]
    yield mutant("requirements.file.absent", f"no {path}", file, source(path, None), blinds=blinds)
    for miss, (old, new) in {
        "other-file": (f"COPY {path} ", "COPY other.txt "),
        "other-name": (f"COPY {path} requirements.txt", f"COPY {path} other.txt"),
        "comment": (f"COPY {path}", f"# COPY {path}"),
        "other-stage": (f"COPY {path}", f"COPY --from=other {path}"),
        "replaced": (f"COPY {path} requirements.txt", f"COPY {path} requirements.txt\nCOPY other.txt requirements.txt"),
        "replaced-by-folder": (f"COPY {path} requirements.txt", f"COPY {path} requirements.txt\nCOPY other/ ./"),
        "replaced-by-address": (
            f"COPY {path} requirements.txt",
            f"COPY {path} requirements.txt\nADD https://example.org/requirements.txt /build/requirements.txt",
        ),
    }.items():
        yield mutant(f"requirements.file.{miss}", f"the Dockerfile: {miss}", file, in_dockerfile(old, new))
