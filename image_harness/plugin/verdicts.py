"""From pytest's outcomes to the three values: met, not met, unproven.

Only an assertion that a check itself made and lost is a finding about the image. Whatever else goes wrong - the engine
is gone, an exec failed, a file could not be read, a time limit ran out, a library's own assertion - means that the
check could not look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from image_harness.plugin.tracing import TracedCheck
from image_harness.report.model import CheckOutcome

ATTRIBUTE = "image_harness"
"""The attribute of a pytest report that carries `Finding`s; plain data, so that it passes between processes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one phase of one check found out.

    Attributes:
        nodeid: The check.
        ids: The requirements that it decides.
        outcome: How the phase ended.
        message: Why, when it did not pass.
        evidence: The values that its assertions compared, when they held.
    """

    nodeid: str
    ids: tuple[str, ...]
    outcome: CheckOutcome
    message: str = ""
    evidence: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Plain data for `ATTRIBUTE`."""
        return {
            "nodeid": self.nodeid,
            "ids": list(self.ids),
            "outcome": self.outcome.value,
            "message": self.message,
            "evidence": list(self.evidence),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Finding:
        """Read back what `to_data` gave."""
        return cls(
            nodeid=data["nodeid"],
            ids=tuple(data["ids"]),
            outcome=CheckOutcome(data["outcome"]),
            message=data["message"],
            evidence=tuple(data["evidence"]),
        )


def is_retried(report: pytest.TestReport) -> bool:
    """Whether a retrier took this outcome back, so that another try follows; only then is it none of pytest's own."""
    return str(report.outcome) not in ("passed", "failed", "skipped")


def judge(
    check: TracedCheck,
    call: pytest.CallInfo[Any],
    report: pytest.TestReport,
    *,
    evidence: Sequence[str],
    checks: Path,
) -> Finding:
    """Decide what a finished phase of a test says of a check.

    Args:
        check: The check.
        call: The phase as it ran.
        report: What pytest made of it.
        evidence: The explanations of the assertions that held.
        checks: The folder of the checks; an assertion counts only when it was lost there.
    """
    if report.passed and not hasattr(report, "wasxfail"):
        return Finding(check.nodeid, check.ids, CheckOutcome.PASSED, evidence=tuple(evidence))
    if report.skipped or hasattr(report, "wasxfail"):
        outcome, message = CheckOutcome.SKIPPED, _skip_reason(report)
    elif call.excinfo is None:
        outcome, message = CheckOutcome.ERROR, "the check did not end"
    else:
        outcome, message = _judge_error(call.excinfo, checks, in_call=call.when == "call")
    return Finding(check.nodeid, check.ids, outcome, message, tuple(evidence))


def judge_error(check: TracedCheck, error: BaseException, *, evidence: Sequence[str], checks: Path) -> Finding:
    """Decide what the error that a check's function ended with says; see `judge`."""
    if isinstance(error, pytest.skip.Exception):
        return Finding(check.nodeid, check.ids, CheckOutcome.SKIPPED, str(error), tuple(evidence))
    outcome, message = _judge_error(pytest.ExceptionInfo.from_exception(error), checks, in_call=True)
    return Finding(check.nodeid, check.ids, outcome, message, tuple(evidence))


def _judge_error(
    excinfo: pytest.ExceptionInfo[BaseException], checks: Path, *, in_call: bool
) -> tuple[CheckOutcome, str]:
    text = str(excinfo.value).strip()
    lost = in_call and excinfo.type is AssertionError and Path(excinfo.traceback[-1].path).is_relative_to(checks)
    if lost:
        return CheckOutcome.FAILED, text.removeprefix("AssertionError: ") or "the assertion does not hold"
    return CheckOutcome.ERROR, f"{excinfo.type.__name__}: {text}" if text else excinfo.type.__name__


def _skip_reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"marked as an expected failure: {report.wasxfail or 'no reason given'}"
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return "skipped"


@dataclass(slots=True)
class Record:
    """Everything that is known of one check after a run.

    Attributes:
        starts: How often it was begun.
        dropped: How many of its reports a retrier gave an outcome of its own, such as ``rerun``.
    """

    nodeid: str
    ids: tuple[str, ...]
    outcome: CheckOutcome | None = None
    seconds: float = 0.0
    message: str = ""
    evidence: tuple[str, ...] = ()
    starts: int = 0
    dropped: int = 0

    @property
    def retries(self) -> int:
        """How often it was tried again, whoever did so: not every retrier begins anew, and not every one says so."""
        return max(self.starts - 1, self.dropped)


@dataclass(slots=True)
class Recorder:
    """Collects the findings of a run, of this process and of xdist's workers alike.

    Attributes:
        records: What is known of each selected check, by its node id.
        collected: The requirements of each check that there is, by its node id.
    """

    records: dict[str, Record] = field(default_factory=dict)
    collected: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def collect(self, nodeid: str, ids: Sequence[str]) -> None:
        """Note that a check exists, whether or not this run selects it."""
        self.collected[nodeid] = tuple(ids)

    def left_out(self) -> Counter[str]:
        """How many checks of each requirement were collected and not selected."""
        return Counter(id_ for nodeid, ids in self.collected.items() if nodeid not in self.records for id_ in ids)

    def select(self, nodeid: str, ids: Sequence[str]) -> None:
        """Note that a check is to run; until a finding arrives it is unproven."""
        if nodeid not in self.records:
            self.records[nodeid] = Record(nodeid, tuple(ids))

    def add(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test."""
        findings = [Finding.from_data(data) for data in getattr(report, ATTRIBUTE, ())]
        for finding in findings:
            self.select(finding.nodeid, finding.ids)
            record = self.records[finding.nodeid]
            record.seconds += report.duration / len(findings)
            if report.when == "setup":
                record.starts += 1
                record.outcome = None
            if is_retried(report):
                record.dropped += 1
                record.outcome = None
            elif report.when == "call" or finding.outcome is not CheckOutcome.PASSED:
                self._settle(record, finding)

    @staticmethod
    def _settle(record: Record, finding: Finding) -> None:
        """A later phase can make a verdict worse, never better: a lost assertion stays lost."""
        if record.outcome is CheckOutcome.FAILED:
            return
        record.outcome = finding.outcome
        record.message = finding.message
        record.evidence = finding.evidence
