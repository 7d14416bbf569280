"""The members of a collection, decided one after the other within one test of pytest."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from _pytest.assertion import util

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
    with _without_differences():
        for check in checks:
            evidence.clear()
            try:
                test.obj(**arguments, item=check.item)
            except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - it is the finding
                findings.append(judge_error(check, error, evidence=evidence, checks=folder))
            else:
                findings.append(Finding(check.nodeid, check.ids, CheckOutcome.PASSED, evidence=tuple(evidence)))
    return findings


@contextlib.contextmanager
def _without_differences() -> Iterator[None]:
    """Let an assertion be explained by its two sides alone.

    pytest looks for the differences of what is compared even where it is equal, once for each plugin that could tell
    them: four times as long as all the rest of a check.
    """
    before = util._reprcompare  # noqa: SLF001 - pytest has no public way to leave them out
    util._reprcompare = None  # noqa: SLF001
    try:
        yield
    finally:
        util._reprcompare = before  # noqa: SLF001


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
