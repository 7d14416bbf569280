"""The application's own files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from image_harness.image import EntryType
from image_harness.mutants import Good, Mutant, mutant
from image_harness.mutants.changes import (
    add,
    appended,
    content,
    edit,
    link,
    remove,
    source,
    swapped,
    together,
)

SAME = "modules.same-as-source"


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _modules(good)
    yield from _broken(good)


def _modules(good: Good) -> Iterator[Mutant]:
    design = good.design
    entrypoint, root = design.application.entrypoint, design.application.root
    own: dict[str, Any] = {"uid": design.image.uid, "gid": design.image.gid}
    for item in design.collection("application.files"):
        kills, is_entrypoint = f"modules.{item.slug}", item.value == entrypoint
        scripts = ["entrypoint.utf8", "entrypoint.main-guard"] * is_entrypoint
        yield mutant(
            f"module.{item.slug}.absent",
            f"no {item.value}",
            kills,
            remove(item.value),
            follows=[SAME, *scripts, *["entrypoint.cmd-exists"] * is_entrypoint],
        )
        yield mutant(
            f"module.{item.slug}.empty",
            f"{item.value} is empty",
            kills,
            content(item.value, ""),
            follows=[SAME, *scripts],
        )
        yield mutant(
            f"module.{item.slug}.case",
            f"{item.value} is written in capitals",
            kills,
            together(
                remove(item.value),
                add(f"{item.value.rpartition('/')[0]}/{item.value.rpartition('/')[2].upper()}", "x = 1\n", **own),
            ),
            follows=[SAME, *scripts, *["entrypoint.cmd-exists"] * is_entrypoint],
        )
        dangling = link(item.value, "nowhere.py", **own)
        yield mutant(
            f"module.{item.slug}.link",
            f"{item.value} links to nothing",
            kills,
            dangling,
            follows=[SAME, *scripts, *["entrypoint.cmd-exists"] * is_entrypoint],
        )
    some = design.application.files["main"]
    for miss, change in {
        "changed": edit(some, lambda data: data + b"\n"),
        "crlf": edit(some, lambda data: data.replace(b"\n", b"\r\n")),
        "extra": add(f"{root}/common/extra.py", "x = 1\n", **own),
        "extra-data": add(f"{root}/common/notes.md", "x\n", **own),
    }.items():
        yield mutant(f"source.{miss}", f"the application: {miss}", SAME, change)
    yield mutant(
        "source.newer",
        "the source tree has changed since the build",
        SAME,
        source(f"{design.application.sources}/resource_monitor/main.py", lambda text: text + "\n"),
    )
    yield mutant(
        "source.file-more",
        "the source tree has a file more",
        SAME,
        lambda draft: draft.sources.update({f"{design.application.sources}/common/new.py": b"x = 1\n"}),
    )
    yield mutant(
        "source.file-fewer",
        "the source tree has a file fewer",
        SAME,
        source(f"{design.application.sources}/common/backoff.py", None),
    )
    for name, target in {
        "sitecustomize.py": "/tmp/monitor/x.py",
        "yaml": "/tmp/evil",
        "json.py": f"{root}/resource_monitor/main.py",
    }.items():
        extra = link(f"{root}/{name}", target, **own)
        yield mutant(f"module.link.{name}", f"{root}/{name} leads to {target}", SAME, extra)


def _broken(good: Good) -> Iterator[Mutant]:
    design = good.design
    entrypoint, root = design.application.entrypoint, design.application.root
    some = design.application.files["main"]
    own: dict[str, Any] = {"uid": design.image.uid, "gid": design.image.gid}
    relative, compiles = "modules.no-relative-imports", "modules.python-compiles"
    for miss, line in {
        "dot": b"\nfrom . import config\n",
        "module": b"\nfrom .config import Settings\n",
        "parent": b"\nfrom ..common import logs\n",
        "inside": b"\ndef late():\n    from . import config\n    return config\n",
    }.items():
        yield mutant(
            f"module.relative.{miss}",
            f"a module says {line.decode().strip()}",
            relative,
            edit(some, appended(line)),
            follows=SAME,
        )
    for miss, line in {
        "syntax": b"\ndef broken(:\n",
        "indentation": b"\n  x = 1\n y = 2\n",
        "nul": b"\n\0\n",
        "python2": b"\nprint 'x'\n",
    }.items():
        yield mutant(
            f"module.broken.{miss}",
            f"a module does not compile: {miss}",
            compiles,
            edit(some, appended(line)),
            follows=SAME,
            blinds=[relative],
        )
    for miss, name in {"cache": "__pycache__/main.cpython-311.pyc", "pyc": "main.pyc", "pyo": "main.pyo"}.items():
        extra = add(f"{root}/resource_monitor/{name}", "x", **own)
        folder = [add(f"{root}/resource_monitor/__pycache__", type=EntryType.DIRECTORY, mode=0o755, **own)] * (
            miss == "cache"
        )
        yield mutant(
            f"module.bytecode.{miss}",
            f"the application holds {name}",
            "modules.no-bytecode",
            together(*folder, extra),
            follows=[SAME, *["python.bytecode-sources"] * (miss != "pyo")],
        )
    coding = "# -*- coding: utf-8 -*-"
    for miss, other in {
        "latin": "# -*- coding: latin-1 -*-",
        "absent": "#",
        "longer": "# -*- coding: utf-81 -*-",
        "third-line": f"#\n{coding}",
        "utf-16": "# -*- coding: utf-16 -*-",
    }.items():
        yield mutant(
            f"entrypoint-script.coding.{miss}",
            f"the script says {other!r}",
            "entrypoint.utf8",
            edit(entrypoint, swapped(coding.encode(), other.encode())),
            follows=[SAME, *[compiles] * (miss in ("longer", "utf-16"))],
            blinds=["entrypoint.main-guard", relative] if miss in ("longer", "utf-16") else (),
        )
    guard = 'if __name__ == "__main__":'
    for miss, other in {
        "always": "if True:",
        "case": 'if __name__ == "__MAIN__":',
        "negated": 'if __name__ != "__main__":',
        "in-function": f"def late():\n  {guard}",
    }.items():
        yield mutant(
            f"entrypoint-script.guard.{miss}",
            f"the script acts: {miss}",
            "entrypoint.main-guard",
            edit(entrypoint, swapped(guard.encode(), other.encode())),
            follows=SAME,
        )
    for miss, change in {
        "before": swapped(guard.encode(), f"main()\n\n{guard}".encode()),
        "else": appended(b"else:\n    main()\n"),
        "assigned": appended(b"\nRESULT = main()\n"),
        "default": appended(b"\ndef late(result=main()):\n    pass\n"),
        "part": appended(b"\nsys.path[:0] = ['/tmp']\n"),
        "loop": appended(b"\nfor _ in range(1):\n    main()\n"),
    }.items():
        yield mutant(
            f"entrypoint-script.acts.{miss}",
            f"the script acts when it is imported: {miss}",
            "entrypoint.main-guard",
            edit(entrypoint, change),
            follows=SAME,
        )
