"""What is wrong, worst first, and what to do about it: derived from the results, the same for every report."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from image_harness.report.model import BaseUse, CheckOutcome, CheckResult, RequirementResult, RunReport
from image_harness.report.text import count, one_line
from image_harness.types import Evidence, Origin, Status

_BADNESS: Final = (Status.NOT_MET, Status.UNPROVEN)
_WEIGHT: Final = tuple(Origin)
_REMEDIES: Final = {
    Evidence.SOURCE: "Correct the Dockerfile or the sources",
    Evidence.IMAGE: "Correct what the build puts into the image, and build again",
    Evidence.RUNTIME: "Correct how the service behaves when it runs, and build again",
}


class Urgency(enum.StrEnum):
    """When a recommendation is due, most urgent first."""

    IMMEDIATE = "Immediate"
    SHORT_TERM = "Short-term"
    LONG_TERM = "Long-term"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Something to do.

    Attributes:
        urgency: When.
        text: What.
        requirements: The ids of the requirements that it serves.
    """

    urgency: Urgency
    text: str
    requirements: tuple[str, ...] = ()


def issues(report: RunReport) -> tuple[RequirementResult, ...]:
    """List the requirements that are not met or unproven, worst first.

    What is known to be wrong comes before what is not known, what the compliance report asks for before what goes
    beyond the documents; then the design's order holds.
    """
    found = [result for result in report.requirements if result.status in _BADNESS]
    return tuple(sorted(found, key=lambda result: (_BADNESS.index(result.status), _WEIGHT.index(result.facts.origin))))


def finding(result: RequirementResult) -> str:
    """Say why a requirement has its status: what was found instead, or why nothing was. Empty when it is met."""
    for outcome in (CheckOutcome.FAILED, CheckOutcome.ERROR, CheckOutcome.SKIPPED):
        for check in result.checks:
            if check.outcome is outcome:
                return check.message or f"{check.nodeid} ended as {outcome}, without a message"
    if result.status is not Status.UNPROVEN:
        return ""
    if not result.checks:
        return "none of its checks came to an end in this run"
    if result.retries:
        return _retried(next(check for check in result.checks if check.retries))
    left_out = f"{result.deselected} of its {result.deselected + len(result.checks)} checks"
    return f"{left_out} {'was' if result.deselected == 1 else 'were'} not selected; those that ran passed"


def _retried(check: CheckResult) -> str:
    return f"{check.nodeid} passed only on try {check.retries + 1}; a proof holds at the first"


def recommendations(report: RunReport) -> tuple[Recommendation, ...]:
    """List what to do, most urgent first."""
    return (*_repairs(report), *_proofs(report), *_reach(report))


def _repairs(report: RunReport) -> tuple[Recommendation, ...]:
    return tuple(
        Recommendation(
            Urgency.IMMEDIATE, f"{_REMEDIES[result.facts.evidence]}: {one_line(result.facts.text)}", (result.facts.id,)
        )
        for result in issues(report)
        if result.status is Status.NOT_MET
    )


def _proofs(report: RunReport) -> tuple[Recommendation, ...]:
    """What would prove what is not proven; one thing often serves many, so it is told once."""
    remedies: dict[str, list[str]] = {}
    for result in issues(report):
        if result.status is Status.UNPROVEN:
            remedies.setdefault(_proof(result), []).append(result.facts.id)
    return tuple(Recommendation(Urgency.SHORT_TERM, text, tuple(ids)) for text, ids in remedies.items())


def _proof(result: RequirementResult) -> str:
    if any(check.outcome is not CheckOutcome.PASSED for check in result.checks):
        return f"Remove what kept the checks from looking, and run again: {one_line(finding(result))}"
    if not result.checks:
        return "Run again: no check of these came to an end"
    if result.retries:
        return "Find out why the checks of these passed only when they were tried again"
    return "Run again without the selection that left out some of the checks of these"


def _reach(report: RunReport) -> tuple[Recommendation, ...]:
    """What this run could not have shown, however it ended."""
    found = []
    if report.run.bases.use is BaseUse.STAND_IN:
        found.append("Build on the upstream base images before a release: stand-ins were used here")
    if report.run.bases.use is BaseUse.UNKNOWN and report.image.looked_at:
        found.append("Build with a record of the base images: it is not known what this image was built on")
    if report.overall.not_selected:
        number = count(report.overall.not_selected, "requirement")
        found.append(f"Run the rest, release checks included: {number} not selected in this run")
    return tuple(Recommendation(Urgency.LONG_TERM, text) for text in found)
