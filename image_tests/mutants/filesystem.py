"""The image's files: what must not be there, owners, modes, markers, certificates, what the base brings along."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.design import Design
from image_harness.image import EntryType
from image_harness.mutants import Good, Mutant, Node, mutant, near_misses
from image_harness.mutants.changes import add, attributes, content, copy, edit, layer, link, remove, replaced, together

STATUS = "/var/lib/dpkg/status.d"


def mutants(good: Good) -> Iterator[Mutant]:
    """One path, one defect."""
    design = good.design
    yield from _absent(design)
    yield from _attack_surface(good)
    yield from _secrets()
    yield from _owners(good)
    yield from _markers(good)
    yield from _debian(good)
    yield from _accounts(good)
    yield from _base(design)
    yield from _layers(good)


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
        yield mutant(f"{id_}.not-executable", f"{hidden} cannot be run", f"distroless.{id_}", add(hidden, "x", mode=0o644))


def _attack_surface(good: Good) -> Iterator[Mutant]:
    interpreter, script = good.design.image.interpreter, good.design.application.entrypoint
    for name, mode in {"setuid": 0o4755, "setgid": 0o2755, "both": 0o6755, "not-executable": 0o4644}.items():
        follows = ["health.interpreter"] * (not mode & 1)
        yield mutant(f"mode.{name}", f"the interpreter has mode {mode:04o}", "security.no-setuid", attributes(interpreter, mode=mode), follows=follows)
    for name, change in {
        "file": attributes(script, mode=0o646),
        "only-write": attributes(script, mode=0o602),
        "sticky-file": add("/opt/file", "x", mode=0o1666),
        "directory": attributes("/app/common", mode=0o777),
        "setgid-directory": attributes("/app/common", mode=0o2777),
    }.items():
        yield mutant(f"world-writable.{name}", f"everyone may write a {name}", "security.no-world-writable", change)
    tmp = attributes("/tmp", mode=0o777)
    yield mutant("world-writable.tmp", "/tmp has no sticky bit", ["security.no-world-writable", "base.mode.tmp"], tmp)
    capability = bytes.fromhex("0100000202000000000000000000000000000000")
    yield mutant("capability.interpreter", "the interpreter carries CAP_DAC_OVERRIDE", "security.no-capabilities", attributes(interpreter, xattrs={"security.capability": capability}))
    yield mutant("capability.script", "a script carries a capability", "security.no-capabilities", attributes(script, xattrs={"security.capability": capability}))
    for name, kind in {"block": EntryType.BLOCK_DEVICE, "character": EntryType.CHARACTER_DEVICE, "fifo": EntryType.FIFO}.items():
        yield mutant(f"device.{name}", f"a {name} special file", "security.no-devices", add("/opt/special", type=kind, device=(1, 3), mode=0o600))


def _secrets() -> Iterator[Mutant]:
    key = "-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----\n"
    for name in (".netrc", ".pypirc", ".npmrc", ".git-credentials", "id_rsa", "id_ecdsa", "id_ed25519", "pip.conf"):
        yield mutant(f"secret.file.{name}", f"/root/{name} is there", "security.no-secret-files", add(f"/root/{name}", "x", mode=0o600))
    for name in ("server.pem", "server.key", "server.p12", ".env"):
        yield mutant(f"secret.key.{name}", f"/opt/{name} holds a private key", "security.no-secret-files", add(f"/opt/{name}", key, mode=0o600))


def _owners(good: Good) -> Iterator[Mutant]:
    design = good.design
    uid, gid = design.image.uid, design.image.gid
    package = f"{design.site_packages.path}/{design.site_packages.packages[0].slug}"
    script = next(e.path for e in good.image.filesystem.walk(design.site_packages.scripts) if e.is_file and "." not in e.path)
    places = {
        "application": (design.application.entrypoint, design.application.trees[0].path),
        "site-packages": (f"{package}/__init__.py", package),
        "scripts": (script, design.site_packages.scripts),
    }
    for id_, (file, folder) in places.items():
        for name, owner in {"root": (0, 0), "uid": (0, gid), "gid": (uid, 0), "uid-off-by-one": (uid + 1, gid), "nobody": (65534, 65534)}.items():
            change = attributes(file, uid=owner[0], gid=owner[1])
            yield mutant(f"owner.{id_}.file.{name}", f"{file} belongs to {owner[0]}:{owner[1]}", f"owner.{id_}", change)
        yield mutant(f"owner.{id_}.folder", f"{folder} belongs to root", f"owner.{id_}", attributes(folder, uid=0, gid=0))
        extra = add(f"{folder}/.extra", "x")
        yield mutant(f"owner.{id_}.extra", f"a file of root's in {folder}", f"owner.{id_}", extra, follows=["modules.same-as-source"] * (id_ == "application"))


def _markers(good: Good) -> Iterator[Mutant]:
    others = [marker.text for marker in good.design.markers]
    owners = {"packages": "owner.site-packages", "binaries": "owner.scripts"}
    for marker in good.design.markers:
        found = good.image.filesystem.read_text(marker.path)
        id_, name = f"markers.{marker.slug}", f"marker.{marker.slug}"
        wrong = {
            "no-newline": found.rstrip("\n"),
            "two-newlines": f"{found}\n",
            "case": found.lower(),
            "twice": found * 2,
            "empty": "",
            "blanks": " \n",
            "other-marker": found.replace(marker.text, next(text for text in others if text != marker.text)),
            "unresolved": f"{marker.text}_$(date +%s)\n",
            "longer": found.replace("\n", "0\n"),
            "shorter": found.replace(found[-2:], "\n"),
        }
        for miss, text in wrong.items():
            yield mutant(f"{name}.content.{miss}", f"{marker.path} holds {text!r}", f"{id_}.content", content(marker.path, text))
        yield mutant(f"{name}.absent", f"no {marker.path}", [f"{id_}.content", f"{id_}.owner"], remove(marker.path))
        for miss, (uid, gid) in {"root": (0, 0), "group": (good.design.image.uid, 0), "off-by-one": (65533, 65532)}.items():
            yield mutant(f"{name}.owner.{miss}", f"{marker.path} belongs to {uid}:{gid}", f"{id_}.owner", attributes(marker.path, uid=uid, gid=gid), follows=[owners[marker.slug]] if marker.slug in owners else ())


def _debian(good: Good) -> Iterator[Mutant]:
    filesystem = good.image.filesystem
    extra = "base.no-other-package"
    for item in good.design.collection("base.debian_packages"):
        path = next(p for p in (f"{STATUS}/{item.value}", *(e.path for e in filesystem.children(STATUS))) if filesystem.entry(p) and f"Package: {item.value}\n" in filesystem.read_text(p))
        kills = f"base.package.{item.slug}"
        yield mutant(f"debian.{item.slug}.absent", f"the metadata lists no {item.value}", kills, remove(path))
        for miss, name in {"longer": f"{item.value}x", "case": item.value.upper(), "part": item.value[:-1]}.items():
            change = replaced(path, f"Package: {item.value}\n", f"Package: {name}\n")
            yield mutant(f"debian.{item.slug}.{miss}", f"{name} instead of {item.value}", kills, change, follows=extra)
    for name in ("bash", "dpkg", "libssl1.1"):
        stanza = f"Package: {name}\nVersion: 1\nArchitecture: arm64\n"
        yield mutant(f"debian.extra.{name}", f"the metadata lists {name}", extra, add(f"{STATUS}/{name}", stanza))
    known = f"Package: {good.design.base.debian_packages[0]}\nStatus: install ok installed\nVersion: 1\nArchitecture: arm64\n\n"
    for name, text in {"empty": "", "known": known}.items():
        yield mutant(f"debian.database.{name}", "dpkg's own database is there", "base.no-dpkg-status", add("/var/lib/dpkg/status", text))
    builder = "Package: gcc\nStatus: install ok installed\nVersion: 4:12\nArchitecture: arm64\n\n"
    yield mutant("debian.database.builder", "the builder's package database came along", ["base.no-dpkg-status", extra], add("/var/lib/dpkg/status", builder))
    yield mutant("debian.database.link", "dpkg's own database is a dangling link", "base.no-dpkg-status", link("/var/lib/dpkg/status", "status-old"))
    documents = "/usr/lib/python3.11/antigravity.py"
    one = next(p for p in (documents, "/usr/lib/python3.11/this.py") if filesystem.exists(p))
    yield mutant("debian.files.changed", f"one byte of {one} is another", "debian.files", edit(one, lambda data: data[:-2] + b"#" + data[-1:]))
    yield mutant("debian.files.longer", f"{one} has a line more", "debian.files", edit(one, lambda data: data + b"\n"))
    yield mutant("debian.files.empty", f"{one} is empty", "debian.files", content(one, ""))
    yield mutant("debian.files.absent", f"{one} is gone", "debian.files", remove(one))
    yield mutant("debian.files.link", f"{one} is a link that leads nowhere", "debian.files", link(one, "nowhere.py"))


def _accounts(good: Good) -> Iterator[Mutant]:
    users, groups = "/etc/passwd", "/etc/group"
    for item in good.design.collection("base.users"):
        account, kills = item.value, f"base.user.{item.slug}"
        line = next(line for line in good.image.filesystem.read_text(users).splitlines() if line.startswith(f"{item.key}:"))
        fields = line.split(":")
        wrong = {
            "uid": [*fields[:2], str(account.uid + 1), *fields[3:]],
            "home": [*fields[:5], f"{account.home}x", *fields[6:]],
            "shell": [*fields[:6], "/bin/sh"],
            "shell-blank": [*fields[:6], f"{account.shell} "],
        }
        for miss, values in wrong.items():
            yield mutant(f"account.{item.slug}.{miss}", f"{item.key} has another {miss}", kills, replaced(users, f"{line}\n", ":".join(values) + "\n"))
        yield mutant(f"account.{item.slug}.absent", f"no account {item.key}", [kills, "base.no-other-user"], replaced(users, f"{line}\n", ""))
        yield mutant(f"account.{item.slug}.commented", f"{item.key} stands in a comment", [kills, "base.no-other-user"], replaced(users, f"{line}\n", f"# {line}\n"), blinds=["base.user.root", "base.user.nobody", "base.user.nonroot"])
    more = {"root-like": "toor:x:0:0::/root:/sbin/nologin\n", "builder": "builder:x:1000:1000::/:/bin/sh\n", "twice": "nonroot:x:65532:65532::/:/bin/sh\n"}
    for miss, line in more.items():
        yield mutant(f"account.extra.{miss}", f"/etc/passwd also has {line.strip()}", "base.no-other-user", edit(users, lambda data, line=line: data + line.encode()))
    for item in good.design.collection("base.groups"):
        kills = f"base.group.{item.slug}"
        line = next(line for line in good.image.filesystem.read_text(groups).splitlines() if line.startswith(f"{item.key}:"))
        name, password, _, members = line.split(":")
        for miss, text in {"gid": f"{name}:{password}:{item.value + 1}:{members}\n", "name": f"{name}s:{password}:{item.value}:{members}\n", "absent": ""}.items():
            yield mutant(f"group.{item.slug}.{miss}", f"the group {item.key}: {miss}", kills, replaced(groups, f"{line}\n", text))


def _base(design: Design) -> Iterator[Mutant]:
    for item in design.collection("base.modes"):
        kills = f"base.mode.{item.slug}"
        for miss, mode in {"open": 0o755, "closed": 0o000, "group": int(item.value, 8) ^ 0o010, "off-by-one": int(item.value, 8) ^ 1}.items():
            yield mutant(f"mode.{item.slug}.{miss}", f"{item.key} has mode {mode:04o}", kills, attributes(item.key, mode=mode))
        yield mutant(f"mode.{item.slug}.absent", f"no {item.key}", kills, remove(item.key))
        yield mutant(f"mode.{item.slug}.file", f"{item.key} is a file", kills, together(remove(item.key), add(item.key, "x", mode=int(item.value, 8) & 0o1775)))
    for item in design.collection("base.links"):
        kills = f"base.link.{item.slug}"
        for miss, change in {
            "elsewhere": attributes(item.key, target="/usr/bin/python3.12"),
            "other": attributes(item.key, target="/usr/lib/os-release"),
            "circle": attributes(item.key, target=item.key),
            "absent": remove(item.key),
            "copy": together(remove(item.key), add(item.key, "x", mode=0o755)),
        }.items():
            yield mutant(f"link.{item.slug}.{miss}", f"{item.key}: {miss}", kills, change, blinds=[f"base.link.{slug}" for slug in ("usr-bin-python", "usr-bin-python3") if slug != item.slug])
    release, name = "/usr/lib/os-release", design.base.os_release_name
    for miss, value in near_misses(name):
        yield mutant(f"os-release.{miss}", f"PRETTY_NAME is {value!r}", "base.os-release", replaced(release, f'PRETTY_NAME="{name}"', f'PRETTY_NAME="{value}"'))
    yield mutant("os-release.comment", "PRETTY_NAME stands in a comment", "base.os-release", replaced(release, f'PRETTY_NAME="{name}"', f'#PRETTY_NAME="{name}"'))
    yield mutant("os-release.other-key", "another key has the name", "base.os-release", replaced(release, f'PRETTY_NAME="{name}"', f'NOT_PRETTY_NAME="{name}"'))
    yield mutant("os-release.absent", "no os-release", "base.os-release", remove(release))
    for item in design.collection("base.files"):
        kills = f"base.file.{item.slug}"
        follows, blinds = [], []
        if item.value == "/etc/passwd":
            blinds = [f"base.user.{name}" for name in design.base.users] + ["base.no-other-user"] + [f"base.group.{g}" for g in design.base.groups]
        if item.value == "/etc/group":
            blinds = [f"base.group.{g}" for g in design.base.groups]
        yield mutant(f"base-file.{item.slug}.absent", f"no {item.value}", kills, remove(item.value), follows=follows, blinds=blinds + [f"base.user.{n}" for n in design.base.users] * bool(blinds) + ["base.no-other-user"] * bool(blinds))
        yield mutant(f"base-file.{item.slug}.empty", f"{item.value} is empty", kills, content(item.value, ""), follows=follows, blinds=blinds)


def _layers(good: Good) -> Iterator[Mutant]:
    kib, mib = 1024, 1024 * 1024
    budgets = good.design.budgets
    left = budgets.image_mib * mib - good.image.size
    yield mutant("size.image", "the image is a little over its budget", "size.image", layer(("opt/large", Node(bytes(left)))), real=True)
    over = layer(("opt/large", Node(bytes(budgets.layer_mib * mib))))
    yield mutant("size.layer", "a layer is a little over its budget", "size.layer", over, follows="size.image")
    gone = ("opt/.wh.gone", Node())
    yield mutant("layers.deleted", "a layer deletes a file of the one before", "layers.nothing-deleted", together(layer(("opt/gone", Node(b"x"))), layer(gone)), real=True)
    opaque = together(layer(("opt/gone", Node(b"x"))), layer(("opt/.wh..wh..opq", Node())))
    yield mutant("layers.opaque", "a layer hides all that a folder held", "layers.nothing-deleted", opaque, real=True)
    waste = Node(bytes(budgets.wasted_kib * kib + 1))
    yield mutant("layers.waste", "a layer replaces a byte more than the budget", "layers.waste", together(layer(("opt/file", waste)), layer(("opt/file", Node(b"x")))), real=True)
    half = Node(bytes(budgets.wasted_kib * kib // 2 + 1))
    two = together(layer(("opt/a", half), ("opt/b", half)), layer(("opt/a", half), ("opt/b", half)))
    yield mutant("layers.waste-in-two", "two replaced files are together over the budget", "layers.waste", two)
    _ = copy
