"""report.json: written, read back and described by a JSON Schema."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from image_harness.errors import HarnessError, first_problem
from image_harness.report import document, model
from image_harness.types import Digest, Platform, Status

SCHEMA_FILE: Final = Path(__file__).with_name("report.schema.json")


def render_json(report: model.RunReport) -> str:
    """Return the text of report.json."""
    return _to_document(report).model_dump_json(by_alias=True, indent=1) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of report.json; the package ships it as ``report.schema.json``."""
    schema = document.Document.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_report(path: Path) -> model.RunReport:
    """Read a report.json back.

    Raises:
        HarnessError: As for `read_report`.
    """
    return read_report(path)[0]


def read_report(path: Path) -> tuple[model.RunReport, bytes]:
    """Read a report.json back, and return its bytes as well: a pipe can be read only once.

    Raises:
        HarnessError: The file cannot be read, is no report, has a schema version that this harness does not know, or
            states a status, sum or verdict that its own checks do not bear out.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarnessError(f"cannot read the report: {error.strerror}", where=str(path)) from error
    try:
        _check_version(content)
        stated = document.Document.model_validate_json(content, strict=True)
        report = _from_document(stated)
        _check_consistency(stated, report)
    except ValidationError as error:
        raise HarnessError(f"not a report: {first_problem(error)}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"not a report: {error}", where=str(path)) from error
    except HarnessError as error:
        raise HarnessError(error.what, where=str(path), fix=error.fix) from error
    return report, content


def _check_version(content: bytes) -> None:
    data = json.loads(content)
    version = data.get("schema") if isinstance(data, dict) else None
    if isinstance(version, int) and version != document.SCHEMA_VERSION:
        raise HarnessError(
            f"report schema {version} is unknown (this version reads schema {document.SCHEMA_VERSION})",
            fix="read it with the version of image-harness that wrote it",
        )


def _check_consistency(stated: document.Document, report: model.RunReport) -> None:
    derived = _to_document(report)
    for requirement, worked_out in zip(stated.requirements, derived.requirements, strict=True):
        if requirement.status is not worked_out.status:
            what = f"{requirement.id!r} is {requirement.status} by its status and {worked_out.status} by its checks"
            raise HarnessError(f"the report contradicts itself: {what}")
    if [_sums(section) for section in stated.sections] != [_sums(section) for section in derived.sections]:
        raise HarnessError("the report contradicts itself: sections and requirements differ")
    if stated.verdict is not derived.verdict:
        what = f"the verdict is {stated.verdict}, the requirements say {derived.verdict}"
        raise HarnessError(f"the report contradicts itself: {what}")


def _sums(section: document.Section) -> tuple[object, ...]:
    return section.name, section.met, section.not_met, section.unproven, section.compliance


def _to_document(report: model.RunReport) -> document.Document:
    image, run = report.image, report.run
    return document.Document(
        version=document.SCHEMA_VERSION,
        image=document.Image(
            reference=image.reference,
            manifest_digest=_text(image.manifest_digest),
            config_digest=_text(image.config_digest),
            platform=str(image.platform),
            size=image.size,
            layers=tuple(
                document.Layer(
                    digest=str(layer.digest),
                    size=layer.size,
                    uncompressed_size=layer.uncompressed_size,
                    created_by=layer.created_by,
                )
                for layer in image.layers
            ),
            manifest_absence=image.manifest_absence,
            packages=image.packages,
        ),
        design=document.Design(
            name=report.design.name,
            sha256=report.design.digest.hex,
            documents=report.design.documents,
            lines=tuple(
                document.Line(place=line.place, text=line.text, requirements=line.requirements)
                for line in report.design.lines
            ),
        ),
        run=document.Run(
            engine=run.engine,
            emulated=run.emulated,
            started=run.started,
            seconds=run.duration.total_seconds(),
            harness=run.harness,
            bases=document.Bases(
                use=run.bases.use,
                images=tuple(
                    document.Base(reference=base.reference, digest=_text(base.digest)) for base in run.bases.images
                ),
                reason=run.bases.reason,
            ),
            selection=run.selection,
            boot_seconds=None if run.boot is None else run.boot.total_seconds(),
            retries=report.retries,
        ),
        requirements=tuple(_to_requirement(result) for result in report.requirements),
        sections=tuple(
            document.Section(
                name=section.name,
                met=section.met,
                not_met=section.not_met,
                unproven=section.unproven,
                not_selected=section.not_selected,
                compliance=section.compliance,
            )
            for section in report.sections
        ),
        verdict=report.verdict,
    )


def _to_requirement(result: model.RequirementResult) -> document.Requirement:
    facts = result.facts
    return document.Requirement(
        id=facts.id,
        section=facts.section,
        title=facts.title,
        text=facts.text,
        evidence=facts.evidence,
        origin=facts.origin,
        source=facts.source,
        release=facts.release,
        status=result.status,
        deselected=result.deselected,
        checks=tuple(
            document.Check(
                nodeid=check.nodeid,
                outcome=check.outcome,
                seconds=check.duration.total_seconds(),
                message=check.message,
                evidence=check.evidence,
                retries=check.retries,
            )
            for check in result.checks
        ),
    )


def _from_document(stated: document.Document) -> model.RunReport:
    image, run = stated.image, stated.run
    return model.RunReport(
        image=model.ImageFacts(
            reference=image.reference,
            platform=Platform.parse(image.platform),
            manifest_digest=_digest(image.manifest_digest),
            config_digest=_digest(image.config_digest),
            layers=tuple(
                model.LayerFacts(Digest(layer.digest), layer.size, layer.uncompressed_size, layer.created_by)
                for layer in image.layers
            ),
            manifest_absence=image.manifest_absence,
            packages=image.packages,
        ),
        design=model.DesignFacts(
            stated.design.name,
            Digest(f"sha256:{stated.design.sha256}"),
            stated.design.documents,
            tuple(model.LineFacts(line.place, line.text, line.requirements) for line in stated.design.lines),
        ),
        run=model.RunFacts(
            started=run.started,
            duration=timedelta(seconds=run.seconds),
            harness=run.harness,
            engine=run.engine,
            emulated=run.emulated,
            bases=model.BasesFacts(
                run.bases.use,
                tuple(model.BaseImage(base.reference, _digest(base.digest)) for base in run.bases.images),
                run.bases.reason,
            ),
            selection=run.selection,
            boot=None if run.boot_seconds is None else timedelta(seconds=run.boot_seconds),
        ),
        requirements=tuple(_from_requirement(requirement) for requirement in stated.requirements),
    )


def _from_requirement(requirement: document.Requirement) -> model.RequirementResult:
    return model.RequirementResult(
        model.RequirementFacts(
            id=requirement.id,
            section=requirement.section,
            title=requirement.title,
            text=requirement.text,
            evidence=requirement.evidence,
            origin=requirement.origin,
            source=requirement.source,
            release=requirement.release,
        ),
        checks=tuple(
            model.CheckResult(
                nodeid=check.nodeid,
                outcome=check.outcome,
                duration=timedelta(seconds=check.seconds),
                message=check.message,
                evidence=check.evidence,
                retries=check.retries,
            )
            for check in requirement.checks
        ),
        selected=requirement.status is not Status.NOT_SELECTED,
        deselected=requirement.deselected,
    )


def _text(digest: Digest | None) -> str | None:
    return None if digest is None else str(digest)


def _digest(text: str | None) -> Digest | None:
    return None if text is None else Digest(text)
