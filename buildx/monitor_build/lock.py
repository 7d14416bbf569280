"""`bases.lock`: which upstream images are built on, and what the stand-ins held when they were last looked at.

```toml
version = 1

[upstream."python:3.11-slim-bookworm"]
digest = "sha256:…"          # of the index; absent: not pinned, the tag decides
pinned = "2026-01-31T…Z"     # when a registry was asked

[stand-in."python-3.11-slim-bookworm"]
recipe = "…"                 # SHA-256 of the recipe that was made
[stand-in."python-3.11-slim-bookworm".packages]
libc6 = "2.36-9+deb12u13"
```
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor_build.errors import BuildError

VERSION = 1
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

HEAD = """\
# Which images the build stands on. `python3 buildx/build.py --pin` writes this file.
#
# upstream: a digest is what a registry answered at the time; a base without one has not been looked up, and a build
# takes what its tag names at the moment. stand-in: what the stand-ins held when this file was written; a record to
# compare with, not a constraint, since Debian's archive keeps only the newest version of a package.
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """An upstream image's digest and when a registry told it (RFC 3339)."""

    digest: str
    pinned: str


@dataclass(frozen=True, slots=True)
class StandInRecord:
    """What a stand-in was put together from: its recipe's SHA-256 and each package's version."""

    recipe: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock file's content.

    Args:
        upstream: Upstream images by name; None where nobody has looked the digest up.
        stand_ins: What is on record of the stand-ins, by name.
    """

    upstream: Mapping[str, Pin | None] = field(default_factory=dict)
    stand_ins: Mapping[str, StandInRecord] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [HEAD, f"version = {VERSION}"]
        for name, pin in sorted(self.upstream.items()):
            lines += ["", f"[upstream.{json.dumps(name)}]"]
            lines += [f'digest = "{pin.digest}"', f'pinned = "{pin.pinned}"'] if pin else ["# not pinned"]
        for name, record in sorted(self.stand_ins.items()):
            lines += ["", f"[stand-in.{json.dumps(name)}]", f'recipe = "{record.recipe}"']
            lines += ["", f"[stand-in.{json.dumps(name)}.packages]"]
            lines += [
                f"{json.dumps(package)} = {json.dumps(version)}" for package, version in sorted(record.packages.items())
            ]
        return "\n".join(lines) + "\n"


def read_lock(file: Path) -> Lock:
    """Reads a lock file.

    Raises:
        BuildError: It is not there, not TOML, of another version, or a digest in it is none.
    """
    fix = "restore it, or write it anew with --pin"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BuildError(f"cannot read it ({problem.strerror})", where=str(file), fix=fix) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BuildError(f"not TOML: {problem}", where=str(file), fix=fix) from None
    if content.get("version") != VERSION:
        raise BuildError(f"its version is {content.get('version')!r}, not {VERSION}", where=str(file), fix=fix)
    try:
        return Lock(
            {name: _pin(entry) for name, entry in content.get("upstream", {}).items()},
            {
                name: StandInRecord(str(entry["recipe"]), {str(k): str(v) for k, v in entry["packages"].items()})
                for name, entry in content.get("stand-in", {}).items()
            },
        )
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise BuildError(f"an entry is not as it should be: {problem}", where=str(file), fix=fix) from None


def write_lock(file: Path, lock: Lock) -> None:
    """Writes a lock file in one step: there is never half a one."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text(str(lock), encoding="utf-8")
    aside.replace(file)


def _pin(entry: Mapping[str, Any]) -> Pin | None:
    if "digest" not in entry:
        return None
    if not _DIGEST.fullmatch(str(entry["digest"])):
        raise ValueError(f"{entry['digest']!r} is not a digest")
    return Pin(entry["digest"], str(entry.get("pinned", "")))
