"""The members of a collection, decided one after the other within one test of pytest."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

import pytest

from image_harness.plugin.tracing import TracedCheck
from image_harness.plugin.verdicts import Finding, judge_error
from image_harness.report.model import CheckOutcome


def decide_each(
    test: pytest.Function, checks: Sequence[TracedCheck], evidence: list[str], *, folder: Path
) -> list[Finding]:
    """Call a test's function once for each check.

    Args:
        test: The test, its fixtures set up.
        checks: One for each member of the collection.
        evidence: Where the explanations of the assertions that hold arrive.
        folder: The folder of the checks.
    """
    arguments = {name: test.funcargs[name] for name in inspect.signature(test.obj).parameters if name != "item"}
    findings = []
    for check in checks:
        evidence.clear()
        try:
            test.obj(**arguments, item=check.item)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - it is the finding
            findings.append(judge_error(check, error, evidence=evidence, checks=folder))
        else:
            findings.append(Finding(check.nodeid, check.ids, CheckOutcome.PASSED, evidence=tuple(evidence)))
    return findings


def tell_worst(findings: Sequence[Finding]) -> None:
    """End the test as failed when not all of its checks passed.

    Raises:
        pytest.fail.Exception: Some did not.
    """
    others = [finding for finding in findings if finding.outcome is not CheckOutcome.PASSED]
    if others:
        worst = next((finding for finding in others if finding.outcome is CheckOutcome.FAILED), others[0])
        name = worst.nodeid.rpartition("::")[2]
        pytest.fail(f"{len(others)} of {len(findings)} checks did not pass; {name}: {worst.message}", pytrace=False)
