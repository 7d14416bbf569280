"""The sentences and facts that the Markdown and the HTML report share; plain text, not yet escaped for either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from image_harness.report.model import BasesFacts, BaseUse, RequirementResult, RunReport
from image_harness.report.text import STATUS_WORDS, count, percent, seconds, size
from image_harness.types import Digest, Status

EVIDENCE_SHOWN: Final = 12
"""Pieces of evidence shown per check; report.json has them all."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what a report is about.

    Attributes:
        label: What it is.
        value: What it says.
        code: Whether the value is a name or number that is to be read letter by letter.
    """

    label: str
    value: str
    code: bool = False


def title(report: RunReport) -> str:
    """Return the report's heading."""
    return f"{report.design.name} Container Design Compliance Report"


def facts(report: RunReport) -> tuple[Fact, ...]:
    """Say what the verdict belongs to and how it was come by."""
    image, run = report.image, report.run
    return (
        Fact("Image", image.reference, code=True),
        _digest("Manifest digest", image.manifest_digest, image.manifest_absence),
        _digest("Config digest", image.config_digest),
        Fact("Platform", str(image.platform)),
        Fact("Size", f"{size(image.size)} in {count(len(image.layers), 'layer')}" if image.layers else _UNSEEN),
        Fact("Design", f"{report.design.name} {report.design.digest}", code=True),
        *_bases(run.bases),
        Fact("Engine", run.engine or "none was used"),
        Fact("Emulated", _emulated(run.emulated)),
        Fact("Selection", run.selection or "everything but release checks", code=bool(run.selection)),
        Fact("Tried again", count(report.retries, "check run") if report.retries else "no check"),
        Fact("Report date", run.started.strftime("%Y-%m-%d %H:%M:%S %Z")),
        Fact("Duration", seconds(run.duration)),
        Fact("Harness", f"image-harness {run.harness}"),
    )


_UNSEEN: Final = "not looked at in this run"


def _digest(label: str, digest: Digest | None, absence: str = "") -> Fact:
    return Fact(label, absence or _UNSEEN) if digest is None else Fact(label, str(digest), code=True)


def _bases(bases: BasesFacts) -> tuple[Fact, ...]:
    words = {
        BaseUse.UPSTREAM: "the upstream images",
        BaseUse.STAND_IN: "stand-ins for the upstream images",
        BaseUse.UNKNOWN: "unknown",
    }
    use = words[bases.use] + (f" ({bases.reason})" if bases.reason else "")
    images = (f"{base.reference}@{base.digest}" if base.digest else base.reference for base in bases.images)
    return (Fact("Bases", use), *(Fact(f"Base {n}", text, code=True) for n, text in enumerate(images, 1)))


def _emulated(emulated: bool | None) -> str:
    if emulated is None:
        return "nothing of the image was run"
    return "yes: time limits were scaled" if emulated else "no: the image ran natively"


def reviewed_against(report: RunReport) -> str:
    """Name what the design was written from."""
    documents = ", ".join(report.design.documents) or "the design itself"
    return f"the design {report.design.name}, written from {documents}"


def introduction(report: RunReport) -> str:
    """Return the opening sentences: what was held against what, and how it is judged."""
    return (
        f"This report holds the image against {reviewed_against(report)}. Each requirement is decided by what was "
        "found, and an unproven requirement never counts as compliant."
    )


def summary(report: RunReport) -> str:
    """Return the verdict in numbers."""
    overall = report.overall
    if not overall.selected:
        return f"none of {count(len(report.requirements), 'requirement')} was selected"
    parts = [f"{overall.met} of {count(overall.selected, 'selected requirement')} met"]
    for number, status in (
        (overall.not_met, Status.NOT_MET),
        (overall.unproven, Status.UNPROVEN),
        (overall.not_selected, Status.NOT_SELECTED),
    ):
        if number:
            parts.append(f"{number} {STATUS_WORDS[status]}")
    return ", ".join(parts)


def conclusion(report: RunReport) -> tuple[str, ...]:
    """Return the closing sentences: the verdict, and what it does not say."""
    overall = report.overall
    share = f" ({percent(overall.compliance)})" if overall.selected else ""
    verdicts = {
        Status.MET: f"The image meets every requirement that this run was to decide ({overall.met}).",
        Status.NOT_MET: f"The image does not meet its design: {summary(report)}{share}.",
        Status.UNPROVEN: f"It is not proven that the image meets its design: {summary(report)}{share}. "
        "What is unproven does not count as met.",
    }
    caveats = []
    if overall.not_selected:
        caveats.append(f"Nothing is said of {count(overall.not_selected, 'requirement')} outside the selection.")
    if report.run.bases.use is BaseUse.STAND_IN:
        caveats.append("The image was built on stand-ins; an image built on the upstream bases needs a run of its own.")
    if report.run.bases.use is BaseUse.UNKNOWN and report.image.looked_at:
        caveats.append("What the image was built on is not known.")
    if report.run.emulated:
        caveats.append("The image ran under emulation; that it runs on its own architecture was not tried.")
    return (verdicts[report.verdict], *caveats)


def shown_evidence(evidence: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first pieces of evidence, and how many more there are."""
    more = len(evidence) - EVIDENCE_SHOWN
    return evidence if more <= 0 else (*evidence[:EVIDENCE_SHOWN], f"... and {more} more in report.json")


def status_words(result: RequirementResult) -> str:
    """Return a requirement's status, and for ever that it was retried."""
    word = STATUS_WORDS[result.status]
    return f"{word}, retried" if result.retries else word
