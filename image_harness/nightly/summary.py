"""A report as a workflow's job shows it: a page of bars, and annotations where the checks are written.

What a report says is untrusted: nothing in it becomes Markdown, HTML or a workflow command.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Final

from image_harness.report.advice import finding, issues
from image_harness.report.bars import bar
from image_harness.report.model import RequirementResult, RunReport, SectionSummary
from image_harness.report.prose import status_words, summary
from image_harness.report.text import STATUS_WORDS, one_line, percent
from image_harness.types import Status

_BAR_WIDTH: Final = 20
_ISSUES_SHOWN: Final = 50
_FINDING_LENGTH: Final = 300
# A step shows ten annotations of a kind; the last place says how many there are besides.
_ANNOTATIONS_SHOWN: Final = 9
_SQUARES: Final = {Status.MET: "🟩", Status.NOT_MET: "🟥", Status.UNPROVEN: "🟨", Status.NOT_SELECTED: "⬜"}


def job_summary(report: RunReport) -> str:
    """Return the page of a job, in the Markdown of GitHub."""
    image = report.image
    subject = image.manifest_digest or image.config_digest or image.reference
    lines = [
        f"## {_SQUARES[report.verdict]} {STATUS_WORDS[report.verdict].upper()}: {_text(report.design.name)}",
        "",
        f"{summary(report)} ({percent(report.overall.compliance)}); <code>{_text(str(subject))}</code>",
        "",
        "| Section | | | |",
        "|---|---|---|---|",
        *(_row(section) for section in report.sections),
    ]
    found = issues(report)
    if found:
        lines += [
            "",
            "| Requirement | | Found |",
            "|---|---|---|",
            *(_issue(result) for result in found[:_ISSUES_SHOWN]),
        ]
    if len(found) > _ISSUES_SHOWN:
        lines += ["", f"And {len(found) - _ISSUES_SHOWN} more."]
    return "\n".join(lines) + "\n"


def _row(section: SectionSummary) -> str:
    squares = "".join(_SQUARES[status] * cells for status, cells in bar(section, _BAR_WIDTH))
    met = f"{section.met}/{section.selected} met" if section.selected else "not selected"
    return f"| {_text(section.name)} | {squares} | {percent(section.compliance)} | {met} |"


def _issue(result: RequirementResult) -> str:
    found = _text(one_line(finding(result), _FINDING_LENGTH))
    return f"| <code>{_text(result.facts.id)}</code> | {_SQUARES[result.status]} {status_words(result)} | {found} |"


def _text(text: str) -> str:
    """Write every character that Markdown or HTML could take for its own as a reference to it."""
    return re.sub(r"[\\`*_\[\]|~#!$@:/.&<>]", lambda match: f"&#{ord(match[0])};", one_line(text))


def commands(report: RunReport, root: Path) -> list[str]:
    """Return a workflow command for each requirement that is not met or unproven, worst first.

    Args:
        report: The run.
        root: The repository's root, where the checks are.
    """
    found = issues(report)
    lines = [_annotation(result, root) for result in found[:_ANNOTATIONS_SHOWN]]
    if len(found) > _ANNOTATIONS_SHOWN:
        lines.append(f"::error::{len(found) - _ANNOTATIONS_SHOWN} more requirements are not met or unproven")
    return lines


def _annotation(result: RequirementResult, root: Path) -> str:
    properties = {"title": f"{status_words(result)}: {result.facts.id}"}
    place = next(filter(None, (_place(check.nodeid, root) for check in result.checks)), None)
    if place:
        properties = {"file": place[0], "line": str(place[1]), **properties}
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    message = f"{result.facts.text}\n{one_line(finding(result), _FINDING_LENGTH)}"
    return f"::error {written}::{_message(message)}"


def _place(nodeid: str, root: Path) -> tuple[str, int] | None:
    """Return the file and the line of a check's function, where the repository has it."""
    file, _, function = nodeid.partition("::")
    path = root / file
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return None
    except ValueError:
        return None  # what a report says need not be a path at all
    line = _functions(path).get(function.rpartition("::")[2].partition("[")[0])
    return (file, line) if line else None


@functools.cache
def _functions(path: Path) -> dict[str, int]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return {node.name: node.lineno for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(one_line(text)).replace(":", "%3A").replace(",", "%2C")
