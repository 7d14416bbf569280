"""A run as the history keeps it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Self

from image_harness.errors import HarnessError
from image_harness.history import codes
from image_harness.report.advice import finding, issues
from image_harness.report.model import RunReport
from image_harness.report.text import one_line
from image_harness.types import Digest, Status

_FINDING_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The requirements of a run, in their order: what the characters of its statuses stand for.

    Attributes:
        ids: The ids of the requirements.
    """

    ids: tuple[str, ...]

    @classmethod
    def of(cls, report: RunReport) -> Self:
        """Return the requirements of a report.

        Raises:
            HarnessError: The id of one has several lines.
        """
        ids = tuple(result.facts.id for result in report.requirements)
        for id_ in ids:
            if "\n" in id_:
                raise HarnessError("a requirement's id has several lines", where=repr(id_[:80]), fix="rename it")
        return cls(ids)

    @property
    def digest(self) -> Digest:
        """What two runs with the same requirements have in common."""
        return Digest("sha256:" + hashlib.sha256("\n".join(self.ids).encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the checks, or one that should have been.

    Attributes:
        night: Which night it counts for.
        cell: Where in the matrix it ran.
        started: When, with a time zone.
        verdict: Of the whole run; never ``NOT_SELECTED``.
        report: The digest of its report.json, which tells it from all others.
        reference: The image as the user named it.
        manifest: The image's manifest digest, where it has one.
        config: The image's config digest, where the run looked at the image.
        design: The name of the design.
        design_digest: Of the design's files.
        harness: The version of image-harness.
        engine: Name and version of the container engine.
        emulated: Whether the image's programs ran under emulation.
        bases: What the image was built on: upstream, stand-in or unknown.
        retries: How often checks were tried again.
        catalogue: What ``statuses`` is about.
        statuses: See `image_harness.history.codes`.
        suite: How long the run took.
        boot: From the shared container's start until its service answered.
        size: Bytes of the image's layers, uncompressed.
        packages: Debian packages and Python distributions.
        findings: Why a requirement is not met or unproven, by its id.
        absence: Why there is no report; empty when there is one.
    """

    night: date
    cell: str
    started: datetime
    verdict: Status
    report: Digest
    reference: str = ""
    manifest: Digest | None = None
    config: Digest | None = None
    design: str = ""
    design_digest: Digest | None = None
    harness: str = ""
    engine: str | None = None
    emulated: bool | None = None
    bases: str = ""
    retries: int = 0
    catalogue: Catalogue = Catalogue(())
    statuses: str = ""
    suite: timedelta | None = None
    boot: timedelta | None = None
    size: int | None = None
    packages: int | None = None
    findings: Mapping[str, str] = field(default_factory=dict)
    absence: str = ""

    @classmethod
    def of(cls, report: RunReport, content: bytes, *, cell: str, night: date | None = None) -> Self:
        """Make the record of a report.

        Args:
            report: What the run found.
            content: The bytes of its report.json.
            cell: Where in the matrix it ran.
            night: Which night it counts for; by default the day, in UTC, on which it began.

        Raises:
            HarnessError: A requirement's id has several lines, for which a history has no room.
        """
        image, run = report.image, report.run
        return cls(
            night=night or run.started.astimezone(UTC).date(),
            cell=cell,
            started=run.started.astimezone(UTC),
            verdict=report.verdict,
            report=_digest(content),
            reference=image.reference,
            manifest=image.manifest_digest,
            config=image.config_digest,
            design=report.design.name,
            design_digest=report.design.digest,
            harness=run.harness,
            engine=run.engine,
            emulated=run.emulated,
            bases=run.bases.use.value,
            retries=report.retries,
            catalogue=Catalogue.of(report),
            statuses=codes.encode(report.requirements),
            suite=run.duration,
            boot=run.boot,
            size=image.size if image.layers else None,
            packages=image.packages,
            findings={result.facts.id: one_line(finding(result), _FINDING_LENGTH) for result in issues(report)},
        )

    @classmethod
    def absent(cls, cell: str, night: date, *, reason: str, now: datetime) -> Self:
        """Make the record of a run that was due and left no report: it proves nothing, and a gap would hide that."""
        seed = f"{cell}\n{night}\n{now.isoformat()}\n{reason}"
        return cls(
            night=night,
            cell=cell,
            started=now.astimezone(UTC),
            verdict=Status.UNPROVEN,
            report=_digest(seed.encode()),
            absence=one_line(reason, _FINDING_LENGTH) or "no report",
        )


def _digest(content: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())
