"""report.html: one file that needs nothing else, neither network nor script, to be read.

What is shown of the image is untrusted. Templates escape everything, and a content security policy lets only the
style sheet and the script of this package take effect, known by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from image_harness.report import prose, text
from image_harness.report.advice import Recommendation, Urgency, finding, issues, recommendations
from image_harness.report.bars import bar
from image_harness.report.model import LayerFacts, RequirementResult, RunReport, SectionSummary
from image_harness.types import Status

_TEMPLATES: Final = Path(__file__).with_name("templates")
STYLE_FILE: Final = _TEMPLATES / "report.css"
_BAR_CELLS: Final = 1000
_LEAST_CELLS: Final = 15
_ICONS: Final = {Status.MET: "✓", Status.NOT_MET: "✗", Status.UNPROVEN: "?", Status.NOT_SELECTED: "\N{EN DASH}"}


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar.

    Attributes:
        kind: What it stands for, as a style sheet knows it.
        start: Where it begins, in thousandths of the bar.
        width: How long it is, in thousandths of the bar.
        label: What it says when it is asked.
    """

    kind: str
    start: int
    width: int
    label: str


def render_html(report: RunReport) -> str:
    """Return the text of report.html."""
    style, script = STYLE_FILE.read_text("utf-8"), _TEMPLATES.joinpath("report.js").read_text("utf-8")
    anchors = {result.facts.id: f"r{number}" for number, result in enumerate(report.requirements, 1)}
    return (
        template_environment(_TEMPLATES)
        .get_template("report.html.j2")
        .render(
            report=report,
            overall=report.overall,
            statuses=list(Status),
            prose=prose,
            sections=list(zip(report.sections, report.by_section.values(), strict=True)),
            issues=issues(report),
            recommendations=_by_urgency(report),
            anchors=anchors,
            # Both files are this package's own; no part of a report is in them.
            style=Markup(style),
            script=Markup(script),
            policy=content_policy(style, script),
        )
        + "\n"
    )


def _by_urgency(report: RunReport) -> list[tuple[Urgency, list[Recommendation]]]:
    found = recommendations(report)
    grouped = ((urgency, [item for item in found if item.urgency is urgency]) for urgency in Urgency)
    return [(urgency, items) for urgency, items in grouped if items]


def content_policy(style: str, script: str) -> str:
    """Return a content security policy under which only these two take effect."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def template_environment(templates: Path) -> Environment:
    """Return what renders the templates of a folder: everything is escaped, and nothing undefined is passed over."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(
        count=text.count,
        cut=text.cut,
        evidence_words=text.EVIDENCE_WORDS.__getitem__,
        finding=finding,
        icon=_ICONS.__getitem__,
        layer_segments=layer_segments,
        one_line=text.one_line,
        origin_words=text.ORIGIN_WORDS.__getitem__,
        percent=text.percent,
        search_text=search_text,
        section_segments=section_segments,
        seconds=text.seconds,
        size=text.size,
        status_word=text.STATUS_WORDS.__getitem__,
        status_words=prose.status_words,
    )
    return environment


def _finalize(value: object) -> object:
    """Make what is shown printable, whatever it is; what is markup already is ours."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else text.printable(value)


def section_segments(section: SectionSummary) -> list[Segment]:
    """Return the pieces of a section's bar."""
    counts = {
        Status.MET: section.met,
        Status.NOT_MET: section.not_met,
        Status.UNPROVEN: section.unproven,
        Status.NOT_SELECTED: section.not_selected,
    }
    cells = bar(section, _BAR_CELLS, least=_LEAST_CELLS)
    return _in_a_row((status.value, width, f"{counts[status]} {text.STATUS_WORDS[status]}") for status, width in cells)


def layer_segments(layers: Iterable[LayerFacts]) -> list[Segment]:
    """Return the pieces of the picture of the layers, each as long as its share of the bytes."""
    layers = tuple(layers)
    ends = list(itertools.accumulate(layer.uncompressed_size for layer in layers))
    cells = [end * _BAR_CELLS // (ends[-1] or 1) for end in ends]
    return _in_a_row(
        (f"layer{number % 2}", end - start, f"layer {number}: {text.size(layer.uncompressed_size)}")
        for number, (layer, start, end) in enumerate(zip(layers, [0, *cells], cells, strict=False))
    )


def _in_a_row(pieces: Iterable[tuple[str, int, str]]) -> list[Segment]:
    segments, start = [], 0
    for kind, width, label in pieces:
        segments.append(Segment(kind, start, width, label))
        start += width
    return segments


def search_text(result: RequirementResult) -> str:
    """Return what the report's search looks through for a requirement."""
    facts = result.facts
    return text.one_line(f"{facts.id} {facts.title} {facts.text} {finding(result)}", 600).casefold()
