"""report.md, in the order in which a compliance report is read.

What is shown of the image is untrusted: it stands in code spans or is escaped, and cannot form a link, a heading,
HTML or a table cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from image_harness.report.advice import Urgency, finding, issues, recommendations
from image_harness.report.model import CheckResult, RequirementResult, RunReport, SectionSummary
from image_harness.report.prose import (
    Fact,
    conclusion,
    facts,
    introduction,
    reviewed_against,
    shown_evidence,
    status_words,
    summary,
    title,
)
from image_harness.report.text import (
    BACKTICKS,
    EVIDENCE_WORDS,
    ORIGIN_WORDS,
    STATUS_WORDS,
    code_span,
    one_line,
    percent,
    printable,
)
from image_harness.types import Evidence, Status

_ICONS: Final = {
    Status.MET: "✅",
    Status.NOT_MET: "❌",
    Status.UNPROVEN: "⚠️",
    Status.NOT_SELECTED: "\N{HEAVY MINUS SIGN}",
}
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|&~#!$])")
_BARE_LINK: Final = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_EVIDENCE_LIMIT: Final = 400


def render_markdown(report: RunReport) -> str:
    """Return the text of report.md."""
    parts = [
        [f"# {_plain(title(report))}", *_facts(facts(report)), "---"],
        _executive_summary(report),
        *(_section(number, *section) for number, section in enumerate(report.by_section.items(), 1)),
        _issues(report),
        _compliance_summary(report),
        ["## Conclusion", " ".join(_plain(sentence) for sentence in conclusion(report))],
        _recommendations(report),
        _traceability(report),
        ["---", f"**Reviewed against**: {_plain(reviewed_against(report))}."],
    ]
    return "\n\n".join(block for part in parts for block in part) + "\n"


def _plain(text: str) -> str:
    """Escape text for one line of running Markdown."""
    return _BARE_LINK.sub(r"\\", _SPECIAL.sub(r"\\\1", one_line(text)))


def _block(text: str, indent: str = "") -> str:
    """Put text into a fenced block that it cannot end."""
    fence = "`" * max(3, 1 + max((len(run) for run in BACKTICKS.findall(text)), default=0))
    return "\n".join(indent + line for line in (f"{fence}text", *printable(text).splitlines(), fence))


def _facts(found: Iterable[Fact]) -> list[str]:
    return ["  \n".join(f"**{fact.label}**: {(code_span if fact.code else _plain)(fact.value)}" for fact in found)]


def _status(status: Status) -> str:
    return f"{_ICONS[status]} **{STATUS_WORDS[status].upper()}**"


def _executive_summary(report: RunReport) -> list[str]:
    rows = ["| Decided by | Met | Not met | Unproven | Not selected |", "|---|---|---|---|---|"]
    rows += [
        f"| {kind}: {EVIDENCE_WORDS[kind]} | {_counts(section)} |"
        for kind, section in zip(Evidence, report.by_evidence, strict=True)
    ]
    return [
        "## Executive Summary",
        _plain(introduction(report)),
        f"**Verdict**: {_status(report.verdict)}: {summary(report)}",
        f"**Overall Compliance**: {_ICONS[report.verdict]} **{percent(report.overall.compliance)}**",
        "\n".join(rows),
        "---",
    ]


def _counts(section: SectionSummary) -> str:
    return f"{section.met} | {section.not_met} | {section.unproven} | {section.not_selected}"


def _section(number: int, name: str, results: Iterable[RequirementResult]) -> list[str]:
    blocks, left_out = [f"## {number}. {_plain(name)}"], []
    for result in results:
        if result.status is Status.NOT_SELECTED:
            left_out.append(result)
        else:
            blocks += _requirement(result)
    if left_out:
        ids = ", ".join(code_span(result.facts.id) for result in left_out)
        blocks.append(f"{_ICONS[Status.NOT_SELECTED]} **Not selected in this run**: {ids}")
    return [*blocks, "---"]


def _requirement(result: RequirementResult) -> list[str]:
    facts_ = result.facts
    origin = ORIGIN_WORDS[facts_.origin] + (f", from {_plain(facts_.source)}" if facts_.source else "")
    blocks = [
        f"### {_ICONS[result.status]} {_plain(facts_.title)}",
        f"**Requirement**: {_plain(facts_.text)}",
        f"**Status**: {_ICONS[result.status]} **{status_words(result).upper()}**",
        f"**Decided by**: {facts_.evidence} evidence for {code_span(facts_.id)} ({origin})",
    ]
    found = finding(result)
    if found:
        blocks += ["**Finding**:", _block(found)]
    return [*blocks, "\n".join(["**Evidence**:", "", *_evidence(result.checks)])] if result.checks else blocks


def _evidence(checks: Iterable[CheckResult]) -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"- {code_span(check.nodeid)}: {check.outcome}")
        lines += [f"  - {code_span(piece, _EVIDENCE_LIMIT)}" for piece in shown_evidence(check.evidence)]
    return lines


def _issues(report: RunReport) -> list[str]:
    found = issues(report)
    blocks = ["## Issues"]
    for status, heading in ((Status.NOT_MET, "Not met"), (Status.UNPROVEN, "Unproven")):
        these = [result for result in found if result.status is status]
        blocks.append(f"### {_ICONS[status if these else Status.MET]} {heading}: {len(these) or 'None'}")
        blocks += [_issue(number, result) for number, result in enumerate(these, 1)]
    return [*blocks, "---"]


def _issue(number: int, result: RequirementResult) -> str:
    indent = " " * len(f"{number}. ")
    return "\n".join(
        [
            f"{number}. **{_plain(result.facts.title)}** {code_span(result.facts.id)}",
            f"{indent}- **Expected**: {_plain(result.facts.text)}",
            f"{indent}- **Found**:",
            "",
            _block(finding(result), indent + "  "),
        ]
    )


def _compliance_summary(report: RunReport) -> list[str]:
    rows = [
        "| Category | Status | Compliance | Met | Not met | Unproven | Not selected |",
        "|----------|--------|------------|-----|---------|----------|--------------|",
    ]
    rows += [
        f"| {_plain(section.name)} | {_ICONS[section.status]} | {percent(section.compliance)} | {_counts(section)} |"
        for section in report.sections
    ]
    overall = f"{_ICONS[report.verdict]} **{percent(report.overall.compliance)}**"
    return ["## Compliance Summary", "\n".join(rows), f"**Overall Compliance**: {overall}", "---"]


def _recommendations(report: RunReport) -> list[str]:
    lines = []
    for number, urgency in enumerate(Urgency, 1):
        these = [found for found in recommendations(report) if found.urgency is urgency]
        lines.append(f"{number}. **{urgency}**: {'' if these else 'None'}".rstrip())
        for found in these:
            ids = ", ".join(code_span(id_) for id_ in found.requirements)
            lines.append(f"   - {_plain(found.text)}{f' ({ids})' if ids else ''}")
    return ["## Recommendations", "\n".join(lines)]


def _traceability(report: RunReport) -> list[str]:
    rows = ["| Place | Asks for | Decided by | Status |", "|-------|----------|------------|--------|"]
    rows += [
        f"| {_plain(line.facts.place)} | {_plain(line.facts.text)} "
        f"| {_plain(', '.join(line.facts.requirements))} "
        f"| {_ICONS[line.status]} {STATUS_WORDS[line.status]} ({line.met}/{len(line.requirements)}) |"
        for line in report.lines
    ]
    blocks = ["## Traceability", "Every line of the documents that the design was written from, and what decides it."]
    return [*blocks, "\n".join(rows)] if report.lines else []
