"""The image's files: what must not be there, modes, secrets, owners."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.image import EntryType
from image_harness.mutants import Good, Mutant, Node, mutant
from image_harness.mutants.changes import (
    add,
    attributes,
    layer,
    link,
    together,
)


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _absent(good.design)
    yield from _attack_surface(good)
    yield from _secrets()
    yield from _owners(good)


def _absent(design: Design) -> Iterator[Mutant]:
    kinds = {
        "no-shell": design.absent.shells,
        "no-package-manager": design.absent.package_managers,
        "no-compiler": design.absent.compilers,
        "no-download-tool": design.absent.download_tools,
    }
    folders = ("/usr/bin", "/usr/sbin", "/usr/libexec", "/opt/tool/bin")
    for id_, programs in kinds.items():
        for number, name in enumerate(programs):
            path = f"{folders[number % len(folders)]}/{name}"
            yield mutant(f"{id_}.{name}", f"{path} is there", f"distroless.{id_}", add(path, "\x7f", mode=0o755))
        hidden = f"/usr/bin/{programs[0]}"
        yield mutant(f"{id_}.link", f"{hidden} links to something", f"distroless.{id_}", link(hidden, "python3.11"))
        yield mutant(
            f"{id_}.not-executable", f"{hidden} cannot be run", f"distroless.{id_}", add(hidden, "x", mode=0o644)
        )


def _attack_surface(good: Good) -> Iterator[Mutant]:
    interpreter, script = good.design.image.interpreter, good.design.application.entrypoint
    for name, mode in {"setuid": 0o4755, "setgid": 0o2755, "both": 0o6755, "not-executable": 0o4644}.items():
        follows = ["health.interpreter"] * (not mode & 1)
        yield mutant(
            f"mode.{name}",
            f"the interpreter has mode {mode:04o}",
            "security.no-setuid",
            attributes(interpreter, mode=mode),
            follows=follows,
        )
    capability = bytes.fromhex("0100000202000000000000000000000000000000")
    second_name = "/usr/bin/su"
    yield mutant(
        "mode.hard-link",
        f"{second_name} is the interpreter, and its link says set-uid",
        "security.no-setuid",
        add(second_name, hard_link=interpreter, mode=0o4755),
        follows="elf.nothing-else",
        real=True,
    )
    yield mutant(
        "capability.hard-link",
        f"{second_name} is the interpreter, and its link says CAP_DAC_OVERRIDE",
        "security.no-capabilities",
        add(second_name, hard_link=interpreter, mode=0o755, xattrs={"security.capability": capability}),
        follows="elf.nothing-else",
    )
    for name, change in {
        "file": attributes(script, mode=0o646),
        "only-write": attributes(script, mode=0o602),
        "sticky-file": add("/opt/file", "x", mode=0o1666),
        "directory": attributes("/app/common", mode=0o777),
        "setgid-directory": attributes("/app/common", mode=0o2777),
    }.items():
        yield mutant(f"world-writable.{name}", f"everyone may write a {name}", "security.no-world-writable", change)
    tmp = attributes("/tmp", mode=0o777)
    yield mutant("world-writable.tmp", "/tmp has no sticky bit", ["security.no-world-writable", "base.file.tmp"], tmp)
    yield mutant(
        "capability.interpreter",
        "the interpreter carries CAP_DAC_OVERRIDE",
        "security.no-capabilities",
        attributes(interpreter, xattrs={"security.capability": capability}),
    )
    yield mutant(
        "capability.script",
        "a script carries a capability",
        "security.no-capabilities",
        attributes(script, xattrs={"security.capability": capability}),
    )
    for name, kind in {
        "block": EntryType.BLOCK_DEVICE,
        "character": EntryType.CHARACTER_DEVICE,
        "fifo": EntryType.FIFO,
    }.items():
        yield mutant(
            f"device.{name}",
            f"a {name} special file",
            "security.no-devices",
            add("/opt/special", type=kind, device=(1, 3), mode=0o600),
        )


def _secrets() -> Iterator[Mutant]:
    key = "-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----\n"
    for name in (
        ".netrc",
        ".pypirc",
        ".npmrc",
        ".git-credentials",
        ".env",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        "pip.conf",
        ".docker/config.json",
        ".aws/credentials",
    ):
        yield mutant(
            f"secret.file.{name}",
            f"/root/{name} is there",
            "security.no-secret-files",
            add(f"/root/{name}", "x", mode=0o600),
        )
    for name in ("server.pem", "server.key", "server.p12", ".env", "server.PEM", "notes"):
        yield mutant(
            f"secret.key.{name}",
            f"/opt/{name} holds a private key",
            "security.no-secret-files",
            add(f"/opt/{name}", key, mode=0o600),
        )

    yield mutant(
        "secret.key.store", "/opt/server.P12 is there", "security.no-secret-files", add("/opt/server.P12", "x")
    )
    for name, last in {"overwritten": ("opt/key", Node()), "deleted": ("opt/.wh.key", Node())}.items():
        yield mutant(
            f"secret.key.{name}",
            f"a private key in a layer is {name} by the next one",
            "security.no-secret-files",
            together(layer(("opt/key", Node(key.encode()))), layer(last)),
            follows=["layers.nothing-deleted"] * (name == "deleted"),
        )


def _owners(good: Good) -> Iterator[Mutant]:
    design = good.design
    uid, gid = design.image.uid, design.image.gid
    package = f"{design.site_packages.path}/{design.site_packages.packages[0].slug}"
    script = next(
        e.path for e in good.image.filesystem.walk(design.site_packages.scripts) if e.is_file and "." not in e.path
    )
    places = {
        "application": (design.application.entrypoint, design.application.trees[0].path),
        "site-packages": (f"{package}/__init__.py", package),
        "scripts": (script, design.site_packages.scripts),
    }
    for id_, (file, folder) in places.items():
        for name, owner in {
            "root": (0, 0),
            "uid": (0, gid),
            "gid": (uid, 0),
            "uid-off-by-one": (uid + 1, gid),
            "nobody": (65534, 65534),
        }.items():
            change = attributes(file, uid=owner[0], gid=owner[1])
            yield mutant(f"owner.{id_}.file.{name}", f"{file} belongs to {owner[0]}:{owner[1]}", f"owner.{id_}", change)
        yield mutant(
            f"owner.{id_}.folder", f"{folder} belongs to root", f"owner.{id_}", attributes(folder, uid=0, gid=0)
        )
        extra = add(f"{folder}/.extra", "x")
        yield mutant(
            f"owner.{id_}.extra",
            f"a file of root's in {folder}",
            f"owner.{id_}",
            extra,
            follows="modules.same-as-source" if id_ == "application" else "python.nothing-else",
        )
