"""A sign-off, made up: the statement, the envelope and what a reader is told of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from image_harness.report.model import RunReport
from image_harness.signoff.refusal import Allowed, Refusal
from image_harness.signoff.statement import Material, make_statement
from image_harness.types import Digest
from tests.report.generate import check, digest, report, requirement

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SIGNED = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
IMAGE = digest("manifest")
STAND_IN = Allowed(Refusal("bases.stand-in", "not built on the upstream images"), "none in reach")
UNPROVEN = Allowed(Refusal("unproven:three", "engine gone", "three"), "proven on the other machine")


def good_run() -> RunReport:
    return report(requirement("one", check("one")), requirement("two", check("two")))


def statement(
    run: RunReport | None = None,
    *,
    allowed: Sequence[Allowed] = (),
    image: Digest = IMAGE,
    signed: datetime = SIGNED,
    materials: Sequence[Material] = (Material("report.json", digest("report")),),
) -> bytes:
    return make_statement(
        run or good_run(),
        digest=image,
        commit="1" * 40,
        allowed=allowed,
        materials=materials,
        now=signed,
    )


def altered(payload: bytes, *keys: str | int, to: object) -> bytes:
    """Change one value of a document."""
    document: Any = json.loads(payload)
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    return json.dumps(document).encode()


def git(root: Path, *arguments: str) -> str:
    """Run git as nobody in particular, without this machine's configuration."""
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()
