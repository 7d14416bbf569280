"""From a run's records to its report, and the lines that open the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import image_harness
from image_harness.bases import bases_of
from image_harness.design import Design, Requirement
from image_harness.errors import HarnessError
from image_harness.image import Image
from image_harness.image.debian import debian_packages
from image_harness.image.python_distributions import python_distributions
from image_harness.plugin.session import HarnessSession
from image_harness.plugin.verdicts import Record, Recorder
from image_harness.report.model import (
    BasesFacts,
    BaseUse,
    CheckOutcome,
    CheckResult,
    DesignFacts,
    ImageFacts,
    LayerFacts,
    LineFacts,
    RequirementFacts,
    RequirementResult,
    RunFacts,
    RunReport,
)

_NOT_LOOKED_AT = BasesFacts(BaseUse.UNKNOWN, reason="this run did not look at the image")


def header_lines(session: HarnessSession, *, with_image: bool, with_engine: bool) -> list[str]:
    """Say what is checked against what, before the first check.

    Raises:
        HarnessError: The image or the engine cannot be reached.
    """
    design = session.design
    lines = [f"design: {design.name}, {len(design.catalogue)} requirements ({design.digest})"]
    if with_image:
        image = session.image
        bases = bases_of(image)
        lines.append(
            f"image: {session.reference}, {image.config.platform}, "
            f"{image.size / 1e6:.0f} MB in {len(image.layers)} layers"
        )
        lines.append(f"manifest: {image.manifest_digest or image.manifest_absence}")
        lines.append(f"bases: {bases.use.value}{f' ({bases.reason})' if bases.reason else ''}")
    if with_engine:
        emulated = "emulated" if session.emulated else "native"
        lines.append(f"engine: {session.engine_name}, {emulated}")
    return lines


def assemble(session: HarnessSession, recorder: Recorder, *, started: datetime, seconds: float) -> RunReport:
    """Make the report of a run.

    Args:
        session: What was looked at.
        recorder: What each check found.
        started: When the run began.
        seconds: How long it took.
    """
    design = session.design
    by_requirement: dict[str, list[Record]] = defaultdict(list)
    for record in recorder.records.values():
        for id_ in record.ids:
            by_requirement[id_].append(record)
    left_out = recorder.left_out()
    return RunReport(
        image=_image_facts(session),
        design=DesignFacts(
            design.name,
            design.digest,
            design.documents,
            tuple(LineFacts(line.place, line.text, line.requirements) for line in design.traced_lines),
        ),
        run=RunFacts(
            started=started,
            duration=timedelta(seconds=seconds),
            harness=image_harness.__version__,
            engine=session.engine_name if session.uses_engine else None,
            emulated=session.emulated if session.uses_engine else None,
            bases=bases_of(session.image) if session.looked_at_image else _NOT_LOOKED_AT,
            selection=session.selection,
            boot=session.boot,
        ),
        requirements=tuple(
            _result(design, requirement, by_requirement.get(requirement.id, ()), left_out[requirement.id])
            for requirement in design.catalogue
        ),
    )


def _image_facts(session: HarnessSession) -> ImageFacts:
    reference = str(session.reference)
    if not session.looked_at_image:
        return ImageFacts(reference, session.design.image.platform)
    image = session.image
    return ImageFacts(
        reference,
        image.config.platform,
        image.manifest_digest,
        image.config_digest,
        tuple(
            LayerFacts(layer.digest, layer.size, layer.uncompressed_size, layer.created_by) for layer in image.layers
        ),
        image.manifest_absence or "",
        _packages(image, session.design),
    )


def _packages(image: Image, design: Design) -> int | None:
    """Count Debian and Python packages; a database that cannot be read is a check's finding, not the report's."""
    try:
        debian = debian_packages(image.filesystem)
        return len(debian) + len(python_distributions(image.filesystem, design.site_packages.path))
    except HarnessError:
        return None


def _result(design: Design, requirement: Requirement, found: Sequence[Record], left_out: int) -> RequirementResult:
    return RequirementResult(
        facts=RequirementFacts(
            id=requirement.id,
            section=design.section_title(requirement),
            title=requirement.title,
            text=requirement.text,
            evidence=requirement.evidence,
            origin=requirement.origin,
            source=requirement.source,
            release=requirement.release,
        ),
        checks=tuple(_check(record) for record in found),
        selected=bool(found),
        deselected=left_out if found else 0,
    )


def _check(record: Record) -> CheckResult:
    """A check that was selected and has no outcome did not run: it could not look."""
    missing = record.outcome is None
    return CheckResult(
        nodeid=record.nodeid,
        outcome=CheckOutcome.ERROR if record.outcome is None else record.outcome,
        duration=timedelta(seconds=record.seconds),
        message="the check did not run" if missing else record.message,
        evidence=record.evidence,
        retries=record.retries,
    )
