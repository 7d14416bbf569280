"""The end of a terminal's output: a line per section, the worst failures, the verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from image_harness.report.advice import finding, issues
from image_harness.report.bars import bar
from image_harness.report.model import RunReport, SectionSummary
from image_harness.report.prose import summary
from image_harness.report.text import STATUS_WORDS, count, cut, one_line, percent
from image_harness.types import Status

_BAR_WIDTH: Final = 20
_WORST: Final = 10
_NARROWEST: Final = 60
_MARKS: Final = {Status.MET: "#", Status.NOT_MET: "!", Status.UNPROVEN: "?", Status.NOT_SELECTED: "."}
_COLOURS: Final = {Status.MET: "32", Status.NOT_MET: "31", Status.UNPROVEN: "33", Status.NOT_SELECTED: "2"}

_Paint = Callable[[str, Status], str]


def terminal_summary(report: RunReport, *, colour: bool, quiet: bool = False, width: int = 100) -> list[str]:
    """Return the lines that close a run's output; plain ASCII of ours, and nothing that could steer the terminal.

    Args:
        report: The run.
        colour: Whether to use ANSI colours; nothing is told by colour alone.
        quiet: Leave the sections out.
        width: Columns that a line of ours may take. Names and findings are cut to it.
    """
    paint = _ansi if colour else _plain
    width = max(width, _NARROWEST)
    lines = [] if quiet else _section_lines(report, paint, width)
    return [*lines, *_issue_lines(report, paint, width), _verdict_line(report, paint)]


def _section_lines(report: RunReport, paint: _Paint, width: int) -> list[str]:
    sections = report.sections
    names = min(max((len(one_line(section.name)) for section in sections), default=0), width // 3)
    room = width - names - _BAR_WIDTH - len(" [] 100 %  ")
    return [_section_line(section, paint, names, room) for section in sections]


def _section_line(section: SectionSummary, paint: _Paint, names: int, room: int) -> str:
    cells = "".join(paint(_MARKS[status] * number, status) for status, number in bar(section, _BAR_WIDTH))
    rest = [
        f"{number} {STATUS_WORDS[status]}"
        for number, status in (
            (section.not_met, Status.NOT_MET),
            (section.unproven, Status.UNPROVEN),
            (section.not_selected, Status.NOT_SELECTED),
        )
        if number
    ]
    met = [f"{section.met}/{section.selected} met"] if section.selected else []
    tail = cut(", ".join([*met, *rest]), room)
    share = f"{percent(section.compliance):>5}"
    return f"{one_line(section.name, names):<{names}} [{cells}] {paint(share, section.status)}  {tail}"


def _issue_lines(report: RunReport, paint: _Paint, width: int) -> list[str]:
    found = issues(report)
    lines = []
    for result in found[:_WORST]:
        word = STATUS_WORDS[result.status]
        head = f"{word}: {one_line(result.facts.id, width // 2)}"
        text = one_line(finding(result), max(width - len(head) - len(": "), _NARROWEST // 4))
        lines.append(f"{paint(word, result.status)}{head.removeprefix(word)}: {text}")
    if len(found) > _WORST:
        lines.append(f"and {len(found) - _WORST} more that are not met or unproven")
    return lines


def _verdict_line(report: RunReport, paint: _Paint) -> str:
    retried = f", retried {count(report.retries, 'time')}" if report.retries else ""
    share = f" ({percent(report.overall.compliance)})" if report.overall.selected else ""
    image = report.image
    subject = image.manifest_digest or image.config_digest or one_line(image.reference)
    word = paint(STATUS_WORDS[report.verdict].upper(), report.verdict)
    return f"{word}: {summary(report)}{retried}{share}; {subject}"


def _plain(text: str, _status: Status) -> str:
    return text


def _ansi(text: str, status: Status) -> str:
    return f"\x1b[{_COLOURS[status]}m{text}\x1b[0m" if text else text
