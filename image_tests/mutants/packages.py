"""Python packages, the requirements file, ELF files, certificates and the application's modules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from image_harness.image.elf import elf_files
from image_harness.image.python_distributions import Distribution, python_distributions
from image_harness.mutants import Good, Mutant, Node, mutant
from image_harness.mutants.changes import Change, add, attributes, content, copy, edit, link, remove, replaced, source, together

BEGIN = b"-----BEGIN CERTIFICATE-----"
RECORDS, REQUIREMENTS = "python.records", "python.requirements"
SAME = "modules.same-as-source"


def mutants(good: Good) -> Iterator[Mutant]:
    """One package, one defect."""
    yield from _installed(good)
    yield from _required(good)
    yield from _metadata(good)
    yield from _elf(good)
    yield from _certificates(good)
    yield from _modules(good)


def _distributions(good: Good) -> dict[str, Distribution]:
    found = python_distributions(good.image.filesystem, good.design.site_packages.path)
    return {distribution.key: distribution for distribution in found}


def _installed(good: Good) -> Iterator[Mutant]:
    site = good.design.site_packages.path
    distributions = _distributions(good)
    for package in good.design.site_packages.packages:
        folder, kills = f"{site}/{package.slug}", f"site-packages.present.{package.slug}"
        found = distributions[package.distribution]
        scripts = ["python.scripts"] * 0
        yield mutant(f"package.{package.slug}.absent", f"no {folder}", kills, remove(folder), follows=[RECORDS, *scripts])
        yield mutant(f"package.{package.slug}.no-init", f"{folder} has no __init__.py", kills, remove(f"{folder}/__init__.py"), follows=RECORDS)
        as_file = together(remove(folder), add(folder, "x", uid=65532, gid=65532))
        yield mutant(f"package.{package.slug}.file", f"{folder} is a file", kills, as_file, follows=RECORDS)
        in_capitals = together(remove(folder), add(f"{site}/{package.slug.upper()}/__init__.py", "x", uid=65532, gid=65532))
        yield mutant(f"package.{package.slug}.case", f"{folder} is written in capitals", kills, in_capitals, follows=[RECORDS, "owner.site-packages"])
        metadata, version = f"{found.path}/METADATA", f"\nVersion: {found.version}\n"
        installed = f"packages.installed.{package.slug}"
        for miss, other in {"newer": f"{found.version}.1", "local": f"{found.version}+local"}.items():
            follows = [RECORDS] + [REQUIREMENTS] * (f"{package.slug}.{miss}" in _CONFLICTS)
            yield mutant(f"package.{package.slug}.{miss}", f"{package.slug} {other} is installed", installed, replaced(metadata, version, f"\nVersion: {other}\n"), follows=follows)
        needed = any(package.distribution in re.split(r"[^a-z0-9-]", line.lower().replace("_", "-"))[0:1] and "extra ==" not in line for d in distributions.values() for line in d.requires)
        yield mutant(f"package.{package.slug}.no-metadata", f"no dist-info of {package.slug}", installed, remove(found.path), follows=[REQUIREMENTS] * needed)


# Versions that the other packages would not take.
_CONFLICTS: frozenset[str] = frozenset()


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
        both = [required]
        for miss, other in {"absent": "", "comment": "# " + entry.replace("\n", "\n# ").removesuffix("# "), "longer": entry.replace("==", "-extra==", 1), "part": entry[1:]}.items():
            yield mutant(f"requirements.{package.slug}.{miss}", f"{package.distribution} is required: {miss}", both, source(path, swap(entry, other)), follows=installed)
        version = distributions[package.distribution].version
        yield mutant(f"requirements.{package.slug}.version", f"another version of {package.distribution} is required", installed, source(path, swap(f"{entry.splitlines()[0]}", entry.splitlines()[0].replace(f"=={version}", f"=={version}.1"))))
    pinned = "packages.pinned"
    first = entries[0]
    name, _, rest = first.partition("==")
    indirect = next(e for n, e in by_name.items() if n not in {p.distribution for p in good.design.site_packages.packages})
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
    blinds = [pinned, *(f"packages.{kind}.{p.slug}" for kind in ("required", "installed") for p in good.design.site_packages.packages)]
    yield mutant("requirements.file.absent", f"no {path}", file, source(path, None), blinds=blinds)
    for miss, (old, new) in {"other-file": (f"COPY {path} ", "COPY other.txt "), "other-name": (f"COPY {path} requirements.txt", f"COPY {path} other.txt"), "comment": (f"COPY {path}", f"# COPY {path}")}.items():
        yield mutant(f"requirements.file.{miss}", f"the Dockerfile: {miss}", file, lambda draft, old=old, new=new: draft.docker(old, new))
    _ = name, rest


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
            change = edit(metadata, lambda data: re.sub(rb"\nRequires-Python: [^\n]*", b"\nRequires-Python: >=3.99", data))
        else:
            change = replaced(metadata, line, f"\nRequires-Dist: {other}\n")
        yield mutant(f"distribution.requires.{miss}", f"{dependent.name} requires {other or 'another Python'}", REQUIREMENTS, change, follows=RECORDS)
    plain = f"{site}/{good.design.site_packages.packages[0].slug}/__init__.py"
    for miss, change in {"changed": edit(plain, lambda data: data.replace(b"e", b"E", 1)), "longer": edit(plain, lambda data: data + b"\n"), "shorter": edit(plain, lambda data: data[:-1]), "empty": content(plain, "")}.items():
        yield mutant(f"distribution.record.{miss}", f"{plain} is {miss}", RECORDS, change)
    record = f"{dependent.path}/RECORD"
    yield mutant("distribution.record.digest", "RECORD names another digest", RECORDS, edit(record, lambda data: re.sub(rb"sha256=.", lambda m: b"sha256=" + (b"A" if m[0][-1:] != b"A" else b"B"), data, count=1)))
    yield mutant("distribution.record.file", "RECORD names a file that is not there", RECORDS, edit(record, lambda data: data + b"nowhere.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"))
    own = {"uid": 65532, "gid": 65532, "mode": 0o755}
    for miss, shebang in {"builder": "/usr/local/bin/python3.11", "env": "/usr/bin/env python3.11", "longer": "/usr/bin/python3.111", "relative": "python3.11"}.items():
        yield mutant(f"script.{miss}", f"a script runs with {shebang}", "python.scripts", add(f"{scripts}/extra", f"#!{shebang}\nprint()\n", **own))
    found = next(e.path for e in good.image.filesystem.walk(scripts) if e.is_file and "." not in e.path)
    yield mutant("script.own", f"{found} names the builder's interpreter", "python.scripts", replaced(found, "#!/usr/bin/python3.11", "#!/usr/local/bin/python3.11"), follows=RECORDS)
    compiled = next(d for d in distributions.values() if any("aarch64" in tag for tag in d.wheel_tags))
    tag = next(tag for tag in compiled.wheel_tags if "aarch64" in tag)
    for miss, other in {"amd64": tag.replace("aarch64", "x86_64"), "arm": tag.replace("aarch64", "armv7l"), "longer": f"{tag}_be", "windows": "cp311-cp311-win_amd64"}.items():
        yield mutant(f"wheel.{miss}", f"{compiled.name} was built for {other}", "python.wheels", replaced(f"{compiled.path}/WHEEL", f"Tag: {tag}\n", f"Tag: {other}\n"), follows=RECORDS)


def _elf(good: Good) -> Iterator[Mutant]:
    filesystem = good.image.filesystem
    interpreter = good.design.image.interpreter
    libraries = [elf for elf in elf_files(filesystem) if elf.soname and elf.glibc_versions]
    model = min(libraries, key=lambda elf: filesystem.entry(elf.path).size)  # type: ignore[union-attr]
    extra = "/opt/lib/extra.so"

    def machine(number: int) -> Callable[[bytes], bytes]:
        return lambda data: data[:18] + number.to_bytes(2, "little") + data[20:]

    architecture, needed, glibc = "elf.architecture", "elf.libraries", "elf.glibc"
    for miss, number in {"amd64": 62, "arm": 40, "i386": 3, "none": 0}.items():
        yield mutant(f"elf.{miss}", f"a library is for machine {number}", architecture, copy(model.path, extra, machine(number)), blinds=[needed, glibc])
    yield mutant("elf.interpreter", "the interpreter is for amd64", [architecture, "elf.platform-agrees"], edit(interpreter, machine(62)), follows=["debian.files"], blinds=[needed, glibc])
    wheel = next(elf for elf in elf_files(filesystem) if elf.path.startswith(good.design.site_packages.path))
    yield mutant("elf.wheel", f"{wheel.path} is for amd64", architecture, edit(wheel.path, machine(62)), follows=RECORDS, blinds=[needed, glibc])
    soname = next(name for name in model.needed if name.startswith("libc.so"))
    for miss, other in {"version": "libc.so.7", "case": "libC.so.6", "name": "libd.so.6"}.items():
        yield mutant(f"elf.needed.{miss}", f"a library needs {other}", needed, copy(model.path, extra, lambda data, other=other: data.replace(soname.encode() + b"\0", other.encode() + b"\0", 1)), blinds=[glibc])
    gone = next(entry.path for entry in filesystem.walk("/lib") if entry.is_symlink and entry.path.rsplit("/", 1)[1].startswith("libz.so"))
    yield mutant("elf.library-link-absent", f"no {gone}", needed, remove(gone), blinds=[glibc])
    yield mutant("elf.library-link-wrong", f"{gone} leads nowhere", needed, attributes(gone, target="libz.so.9"), blinds=[glibc])
    version = max(model.glibc_versions)
    text = version.encode() if version.startswith("GLIBC_") else f"GLIBC_{version}".encode()
    newer = text[:-2] + b"99"
    yield mutant("elf.glibc.newer", f"a library needs {newer.decode()}", glibc, copy(model.path, extra, lambda data: data.replace(text + b"\0", newer + b"\0")))


def _certificates(good: Good) -> Iterator[Mutant]:
    path = good.design.certificates.path
    data = good.image.filesystem.read_bytes(path)
    blocks = [BEGIN + block for block in data.split(BEGIN)[1:]]
    least = good.design.certificates.at_least
    present, parse, expired, owner = (f"certificates.{name}" for name in ("present", "parse", "not-expired", "owner"))
    yield mutant("certificates.absent", "no CA bundle", [present, owner], remove(path), follows=[parse, expired])
    yield mutant("certificates.empty", "the CA bundle is empty", [present, parse, expired], content(path, ""))
    yield mutant("certificates.text", "the CA bundle holds no certificate", present, content(path, "certificates\n"), follows=[parse, expired])
    yield mutant("certificates.directory", "the CA bundle is a folder", present, together(remove(path), add(f"{path}/x", "x")), follows=[parse, expired])
    yield mutant("certificates.too-few", f"{least - 1} certificates", parse, content(path, b"".join(blocks[: least - 1])))
    yield mutant("certificates.cut", "the last certificate is cut off", parse, content(path, data[:-100]), blinds=expired)
    first = blocks[0]
    wrong = {
        "body": first[:40] + b"!!!!" + first[44:],
        "begin": first.replace(b"BEGIN", b"BEGINN"),
        "end": first.replace(b"END", b"EDN"),
        "bytes": first[:200] + first[204:],
    }
    for miss, block in wrong.items():
        change = content(path, block + b"".join(blocks[1:]))
        yield mutant(f"certificates.damaged.{miss}", f"one certificate is damaged: {miss}", parse, change, blinds=expired)
    old = _expired()
    many = len(blocks) // 19 + 1
    yield mutant("certificates.expired", f"{many} certificates have expired", expired, content(path, data + old * many))
    for miss, values in {"uid": {"uid": 65532}, "gid": {"gid": 65532}, "group-writes": {"mode": 0o664}, "others-write": {"mode": 0o646}}.items():
        yield mutant(f"certificates.owner.{miss}", f"the CA bundle: {values}", owner, attributes(path, **values), follows=["security.no-world-writable"] * (miss == "others-write"))


def _expired() -> bytes:
    """Return a certificate that held in the year 2000."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "expired")])
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _modules(good: Good) -> Iterator[Mutant]:
    design = good.design
    entrypoint, root = design.application.entrypoint, design.application.root
    own = {"uid": design.image.uid, "gid": design.image.gid}
    for item in design.collection("application.files"):
        kills, is_entrypoint = f"modules.{item.slug}", item.value == entrypoint
        scripts = ["entrypoint.utf8", "entrypoint.main-guard"] * is_entrypoint
        yield mutant(f"module.{item.slug}.absent", f"no {item.value}", kills, remove(item.value), follows=[SAME, *scripts, *["entrypoint.cmd-exists"] * is_entrypoint])
        yield mutant(f"module.{item.slug}.empty", f"{item.value} is empty", kills, content(item.value, ""), follows=[SAME, *scripts])
        yield mutant(f"module.{item.slug}.case", f"{item.value} is written in capitals", kills, together(remove(item.value), add(f"{item.value.rpartition('/')[0]}/{item.value.rpartition('/')[2].upper()}", "x = 1\n", **own)), follows=[SAME, *scripts, *["entrypoint.cmd-exists"] * is_entrypoint])
        dangling = link(item.value, "nowhere.py", **own)
        yield mutant(f"module.{item.slug}.link", f"{item.value} links to nothing", kills, dangling, follows=[SAME, *scripts, *["entrypoint.cmd-exists"] * is_entrypoint])
    some = design.application.files["main"]
    for miss, change in {"changed": edit(some, lambda data: data + b"\n"), "crlf": edit(some, lambda data: data.replace(b"\n", b"\r\n")), "extra": add(f"{root}/common/extra.py", "x = 1\n", **own), "extra-data": add(f"{root}/common/notes.md", "x\n", **own)}.items():
        yield mutant(f"source.{miss}", f"the application: {miss}", SAME, change)
    yield mutant("source.newer", "the source tree has changed since the build", SAME, source(f"{design.application.sources}/resource_monitor/main.py", lambda text: text + "\n"))
    yield mutant("source.file-more", "the source tree has a file more", SAME, lambda draft: draft.sources.update({f"{design.application.sources}/common/new.py": b"x = 1\n"}))
    yield mutant("source.file-fewer", "the source tree has a file fewer", SAME, source(f"{design.application.sources}/common/backoff.py", None))
    relative, compiles = "modules.no-relative-imports", "modules.python-compiles"
    for miss, line in {"dot": b"\nfrom . import config\n", "module": b"\nfrom .config import Settings\n", "parent": b"\nfrom ..common import logs\n", "inside": b"\ndef late():\n    from . import config\n    return config\n"}.items():
        yield mutant(f"module.relative.{miss}", f"a module says {line.decode().strip()}", relative, edit(some, lambda data, line=line: data + line), follows=SAME)
    for miss, line in {"syntax": b"\ndef broken(:\n", "indentation": b"\n  x = 1\n y = 2\n", "nul": b"\n\0\n", "python2": b"\nprint 'x'\n"}.items():
        yield mutant(f"module.broken.{miss}", f"a module does not compile: {miss}", compiles, edit(some, lambda data, line=line: data + line), follows=SAME, blinds=[relative])
    for miss, name in {"cache": "__pycache__/main.cpython-311.pyc", "pyc": "main.pyc", "pyo": "main.pyo"}.items():
        extra = add(f"{root}/resource_monitor/{name}", "x", **own)
        folder = [add(f"{root}/resource_monitor/__pycache__", type=_directory(), mode=0o755, **own)] * (miss == "cache")
        yield mutant(f"module.bytecode.{miss}", f"the application holds {name}", "modules.no-bytecode", together(*folder, extra), follows=SAME)
    coding = "# -*- coding: utf-8 -*-"
    for miss, other in {"latin": "# -*- coding: latin-1 -*-", "absent": "#", "longer": "# -*- coding: utf-81 -*-", "third-line": f"#\n{coding}", "utf-16": "# -*- coding: utf-16 -*-"}.items():
        yield mutant(f"entrypoint-script.coding.{miss}", f"the script says {other!r}", "entrypoint.utf8", edit(entrypoint, lambda data, other=other: data.replace(coding.encode(), other.encode(), 1)), follows=[SAME, *[compiles] * (miss in ("longer", "utf-16"))], blinds=["entrypoint.main-guard", relative] if miss in ("longer", "utf-16") else ())
    guard = 'if __name__ == "__main__":'
    for miss, other in {"always": "if True:", "case": 'if __name__ == "__MAIN__":', "negated": 'if __name__ != "__main__":', "in-function": f"def late():\n  {guard}"}.items():
        yield mutant(f"entrypoint-script.guard.{miss}", f"the script acts: {miss}", "entrypoint.main-guard", edit(entrypoint, lambda data, other=other: data.replace(guard.encode(), other.encode(), 1)), follows=SAME)


def _directory():  # noqa: ANN202
    from image_harness.image import EntryType

    return EntryType.DIRECTORY


_ = Node, Change
