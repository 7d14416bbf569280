"""From pytest's outcomes to the three values: met, not met, unproven.

Only an assertion that a check itself made and lost is a finding about the image. Whatever else goes wrong - the engine
is gone, an exec failed, a file could not be read, a time limit ran out, a library's own assertion - means that the
check could not look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from image_harness.report.model import CheckOutcome

ATTRIBUTE = "image_harness"
"""The attribute of a pytest report that carries a `Finding`; plain data, so that it passes between processes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one phase of one check found out.

    Attributes:
        ids: The requirements that the check decides.
        outcome: How the phase ended.
        message: Why, when it did not pass.
        evidence: The values that its assertions compared, when they held.
        retried: Whether another try follows.
    """

    ids: tuple[str, ...]
    outcome: CheckOutcome
    message: str = ""
    evidence: tuple[str, ...] = ()
    retried: bool = False

    def to_data(self) -> dict[str, Any]:
        """Plain data for `ATTRIBUTE`."""
        return {**asdict(self), "outcome": self.outcome.value, "ids": list(self.ids), "evidence": list(self.evidence)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Finding:
        """Read back what `to_data` gave."""
        return cls(
            ids=tuple(data["ids"]),
            outcome=CheckOutcome(data["outcome"]),
            message=data["message"],
            evidence=tuple(data["evidence"]),
            retried=data["retried"],
        )


def judge(
    call: pytest.CallInfo[Any], report: pytest.TestReport, *, ids: Sequence[str], evidence: Sequence[str], checks: Path
) -> Finding:
    """Decide what a finished phase of a check says.

    Args:
        call: The phase as it ran.
        report: What pytest made of it.
        ids: The requirements that the check decides.
        evidence: The explanations of the assertions that held.
        checks: The folder of the checks; an assertion counts only when it was lost there.
    """
    retried = str(report.outcome) == "rerun"
    if report.passed and not hasattr(report, "wasxfail"):
        return Finding(tuple(ids), CheckOutcome.PASSED, evidence=tuple(evidence))
    if report.skipped or hasattr(report, "wasxfail"):
        return Finding(tuple(ids), CheckOutcome.SKIPPED, _skip_reason(report), tuple(evidence), retried)
    excinfo = call.excinfo
    lost = (
        excinfo is not None
        and call.when == "call"
        and excinfo.type is AssertionError
        and Path(excinfo.traceback[-1].path).is_relative_to(checks)
    )
    outcome = CheckOutcome.FAILED if lost else CheckOutcome.ERROR
    return Finding(tuple(ids), outcome, _reason(excinfo, lost=lost), tuple(evidence), retried)


def _skip_reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"marked as an expected failure: {report.wasxfail or 'no reason given'}"
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return "skipped"


def _reason(excinfo: pytest.ExceptionInfo[BaseException] | None, *, lost: bool) -> str:
    if excinfo is None:
        return "the check did not end"
    text = str(excinfo.value).strip()
    if lost:
        return text.removeprefix("AssertionError: ") or "the assertion does not hold"
    return f"{excinfo.type.__name__}: {text}" if text else excinfo.type.__name__


@dataclass(slots=True)
class Record:
    """Everything that is known of one check after a run."""

    nodeid: str
    ids: tuple[str, ...]
    outcome: CheckOutcome | None = None
    seconds: float = 0.0
    message: str = ""
    evidence: tuple[str, ...] = ()
    retries: int = 0


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

    def left_out(self, id_: str) -> int:
        """How many of a requirement's checks were collected and not selected."""
        return sum(id_ in ids for nodeid, ids in self.collected.items() if nodeid not in self.records)

    def select(self, nodeid: str, ids: Sequence[str]) -> None:
        """Note that a check is to run; until a finding arrives it is unproven."""
        self.records.setdefault(nodeid, Record(nodeid, tuple(ids)))

    def add(self, report: pytest.TestReport) -> None:
        """Take in one phase of one check."""
        data = getattr(report, ATTRIBUTE, None)
        if data is None:
            return
        finding = Finding.from_data(data)
        record = self.records.setdefault(report.nodeid, Record(report.nodeid, finding.ids))
        record.seconds += report.duration
        if finding.retried:
            record.retries += 1
            record.outcome = None
            return
        if report.when == "call" or finding.outcome is not CheckOutcome.PASSED:
            self._settle(record, finding)

    @staticmethod
    def _settle(record: Record, finding: Finding) -> None:
        """A later phase can make a verdict worse, never better: a lost assertion stays lost."""
        if record.outcome is CheckOutcome.FAILED:
            return
        record.outcome = finding.outcome
        record.message = finding.message
        record.evidence = finding.evidence
