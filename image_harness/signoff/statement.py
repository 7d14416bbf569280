"""The in-toto Statement of a sign-off, with the test-result predicate, version 0.1.

See https://github.com/in-toto/attestation (Statement v1, predicate test-result). What that predicate has no place for
stands under ``signOff``; the integers ``successes``, ``warnings`` and ``failures`` are what Conforma reads.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from image_harness.report.model import RunReport
from image_harness.signoff.refusal import Allowed
from image_harness.types import Digest, Status

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
SCHEMA: Final = 1
#: Stands before the id of a gate among the names of tests, where all others are requirements.
GATE: Final = "sign-off:"


class TestResult(enum.StrEnum):
    """What a test run comes to, in the predicate's words."""

    __test__ = False  # not one of pytest's classes

    PASSED = "PASSED"
    WARNED = "WARNED"
    FAILED = "FAILED"


def result_of(warned: Sequence[str], failed: Sequence[str]) -> TestResult:
    """Add up: one failure makes it failed, one warning warned."""
    if failed:
        return TestResult.FAILED
    return TestResult.WARNED if warned else TestResult.PASSED


@dataclass(frozen=True, slots=True)
class Material:
    """A file that the statement speaks of, by its digest."""

    name: str
    digest: Digest


def make_statement(
    report: RunReport,
    *,
    digest: Digest,
    commit: str | None,
    allowed: Sequence[Allowed],
    materials: Sequence[Material],
    now: datetime,
) -> bytes:
    """Write the statement of a sign-off that nothing stands against any more.

    Args:
        report: The run.
        digest: The image's manifest.
        commit: The source's commit.
        allowed: The reasons that were let through.
        materials: The files written beside the statement.
        now: When it is signed.
    """
    passed = [result.facts.id for result in report.requirements if result.status is Status.MET]
    warned = [item.refusal.requirement or f"{GATE}{item.refusal.id}" for item in allowed]
    failed = [result.facts.id for result in report.requirements if result.facts.id not in {*passed, *warned}]
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": report.image.reference, "digest": {"sha256": digest.hex}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result_of(warned, failed).value,
            "configuration": _configuration(report, commit, materials),
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": failed,
            "successes": len(passed),
            "warnings": len(warned),
            "failures": len(failed),
            "signOff": _sign_off(report, commit, allowed, now),
        },
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _configuration(report: RunReport, commit: str | None, materials: Sequence[Material]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": report.design.name, "digest": {"sha256": report.design.digest.hex}}]
    if commit is not None:
        found.append({"name": "source", "digest": {"gitCommit": commit}})
    return [*found, *({"name": item.name, "digest": {"sha256": item.digest.hex}} for item in materials)]


def _sign_off(report: RunReport, commit: str | None, allowed: Sequence[Allowed], now: datetime) -> Mapping[str, object]:
    run = report.run
    bases = [{"name": base.reference, "digest": str(base.digest) if base.digest else None} for base in run.bases.images]
    return {
        "schema": SCHEMA,
        "signed": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "design": {"name": report.design.name, "digest": str(report.design.digest)},
        "requirements": len(report.requirements),
        "platform": str(report.image.platform),
        "engine": run.engine,
        "emulated": run.emulated,
        "started": run.started.isoformat(),
        "seconds": round(run.duration.total_seconds(), 3),
        "harness": run.harness,
        "commit": commit,
        "bases": {"use": run.bases.use.value, "images": bases},
        "allowed": [{"id": item.refusal.id, "finding": item.refusal.text, "reason": item.why} for item in allowed],
    }
