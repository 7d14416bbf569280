"""What a run found out, as data: the one model that every report is made from.

Nothing here reads or writes. Statuses, sums and the verdict are not stored but worked out from the checks, so that no
report can say something else than its checks do.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from image_harness.report.facts import (
    BaseImage,
    BasesFacts,
    BaseUse,
    DesignFacts,
    ImageFacts,
    LayerFacts,
    LineFacts,
    RunFacts,
)
from image_harness.types import Evidence, Origin, Status

__all__ = [
    "BaseImage",
    "BaseUse",
    "BasesFacts",
    "CheckOutcome",
    "CheckResult",
    "DesignFacts",
    "ImageFacts",
    "LayerFacts",
    "LineFacts",
    "LineResult",
    "RequirementFacts",
    "RequirementResult",
    "RunFacts",
    "RunReport",
    "SectionSummary",
    "status_of",
    "verdict_of",
]


class CheckOutcome(enum.StrEnum):
    """How a check ended. Only ``FAILED`` says that the image is wrong; ``ERROR`` and ``SKIPPED`` did not look."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RequirementFacts:
    """What a report says of a requirement, whatever became of it.

    Attributes:
        id: Unique within the design.
        section: The heading that it is reported under.
        title: A few words.
        text: What must hold.
        evidence: The kind of evidence that decides it.
        origin: Which kind of document it comes from.
        source: The document and its section.
        release: Whether only release runs decide it.
    """

    id: str
    section: str
    title: str
    text: str
    evidence: Evidence
    origin: Origin
    source: str = ""
    release: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended.

    Attributes:
        nodeid: pytest's name for it.
        outcome: How its last try ended.
        duration: Of all tries together.
        message: What it found instead of what it expected, or why it could not look.
        evidence: The values that it found right, and where.
        retries: How often it was tried again.
    """

    nodeid: str
    outcome: CheckOutcome
    duration: timedelta = timedelta()
    message: str = ""
    evidence: tuple[str, ...] = ()
    retries: int = 0


def status_of(checks: Sequence[CheckResult], *, selected: bool = True, deselected: int = 0) -> Status:
    """Decide what is known of a requirement.

    A check that passed only when it was tried again has said both yes and no, which proves neither; and where some
    of a requirement's checks were left out, the others do not prove it.

    Args:
        checks: The checks of the requirement that this run has a result of.
        selected: Whether the run was to decide the requirement at all.
        deselected: How many of its checks the run left out.
    """
    if not selected:
        return Status.NOT_SELECTED
    if any(check.outcome is CheckOutcome.FAILED for check in checks):
        return Status.NOT_MET
    proven = bool(checks) and not deselected
    if proven and all(check.outcome is CheckOutcome.PASSED and not check.retries for check in checks):
        return Status.MET
    return Status.UNPROVEN


def verdict_of(statuses: Iterable[Status]) -> Status:
    """Add statuses up: ``MET`` only when something was selected and everything selected is met."""
    seen = set(statuses) - {Status.NOT_SELECTED}
    if Status.NOT_MET in seen:
        return Status.NOT_MET
    return Status.MET if seen == {Status.MET} else Status.UNPROVEN


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """A requirement and what became of it in this run.

    Attributes:
        facts: What the design says of it.
        checks: The results of its checks.
        selected: Whether the run was to decide it.
        deselected: How many of its checks the run left out although it was to decide it.

    Raises:
        ValueError: It was not selected and yet has results.
    """

    facts: RequirementFacts
    checks: tuple[CheckResult, ...] = ()
    selected: bool = True
    deselected: int = 0
    status: Status = field(init=False)

    def __post_init__(self) -> None:
        if self.checks and not self.selected:
            raise ValueError(f"requirement {self.facts.id!r} was not selected and yet has results")
        status = status_of(self.checks, selected=self.selected, deselected=self.deselected)
        object.__setattr__(self, "status", status)

    @property
    def retries(self) -> int:
        """How often its checks were tried again."""
        return sum(check.retries for check in self.checks)


@dataclass(frozen=True, slots=True)
class SectionSummary:
    """How many requirements of a section have which status."""

    name: str
    met: int = 0
    not_met: int = 0
    unproven: int = 0
    not_selected: int = 0

    @classmethod
    def of(cls, name: str, statuses: Iterable[Status]) -> SectionSummary:
        """Count statuses."""
        counted = list(statuses)
        return cls(
            name,
            met=counted.count(Status.MET),
            not_met=counted.count(Status.NOT_MET),
            unproven=counted.count(Status.UNPROVEN),
            not_selected=counted.count(Status.NOT_SELECTED),
        )

    @property
    def selected(self) -> int:
        """How many requirements the run was to decide."""
        return self.met + self.not_met + self.unproven

    @property
    def compliance(self) -> float | None:
        """The share of the selected requirements that is met, 0 to 1; None when none was selected."""
        return self.met / self.selected if self.selected else None

    @property
    def status(self) -> Status:
        """What is known of the section as a whole."""
        if not self.selected:
            return Status.NOT_SELECTED
        if self.not_met:
            return Status.NOT_MET
        return Status.UNPROVEN if self.unproven else Status.MET


@dataclass(frozen=True, slots=True)
class LineResult:
    """A line of a document, and the requirements that decide it.

    Attributes:
        facts: What the document asks for.
        requirements: What became of each requirement.
    """

    facts: LineFacts
    requirements: tuple[RequirementResult, ...]

    @property
    def status(self) -> Status:
        """``MET`` only when all of them are; ``NOT_SELECTED`` when some were not to be decided and none is amiss."""
        statuses = {result.status for result in self.requirements}
        verdict = verdict_of(statuses)
        decided = Status.NOT_SELECTED not in statuses
        return verdict if decided or Status.NOT_MET in statuses or Status.UNPROVEN in statuses else Status.NOT_SELECTED

    @property
    def met(self) -> int:
        """How many of its requirements are met."""
        return sum(result.status is Status.MET for result in self.requirements)


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that a report says.

    Attributes:
        image: What was looked at.
        design: What it was held against.
        run: How.
        requirements: Every requirement of the design, selected or not, in the design's order.

    Raises:
        ValueError: Two requirements have the same id, or a line of the design names one that is not there.
    """

    image: ImageFacts
    design: DesignFacts
    run: RunFacts
    requirements: tuple[RequirementResult, ...]

    def __post_init__(self) -> None:
        ids = {result.facts.id for result in self.requirements}
        if len(ids) != len(self.requirements):
            raise ValueError("two requirements have the same id")
        unknown = {id_ for line in self.design.lines for id_ in line.requirements} - ids
        if unknown:
            raise ValueError(f"a line of the design names {min(unknown)!r}, which is no requirement")

    @property
    def by_section(self) -> dict[str, tuple[RequirementResult, ...]]:
        """The requirements under their headings, both in the design's order."""
        grouped: dict[str, list[RequirementResult]] = {}
        for result in self.requirements:
            grouped.setdefault(result.facts.section, []).append(result)
        return {name: tuple(results) for name, results in grouped.items()}

    @property
    def sections(self) -> tuple[SectionSummary, ...]:
        """A summary of each section."""
        return tuple(
            SectionSummary.of(name, (result.status for result in results)) for name, results in self.by_section.items()
        )

    @property
    def lines(self) -> tuple[LineResult, ...]:
        """Every line of the design's documents, and what is known of it."""
        known = {result.facts.id: result for result in self.requirements}
        return tuple(LineResult(line, tuple(known[id_] for id_ in line.requirements)) for line in self.design.lines)

    @property
    def by_evidence(self) -> tuple[SectionSummary, ...]:
        """A summary of what each kind of evidence decided."""
        return tuple(
            SectionSummary.of(kind, (result.status for result in self.requirements if result.facts.evidence is kind))
            for kind in Evidence
        )

    @property
    def overall(self) -> SectionSummary:
        """The summary of everything."""
        return SectionSummary.of("Overall", (result.status for result in self.requirements))

    @property
    def verdict(self) -> Status:
        """``MET``, ``NOT_MET`` or ``UNPROVEN``."""
        return verdict_of(result.status for result in self.requirements)

    @property
    def retries(self) -> int:
        """How often checks were tried again; a check that decides several requirements counts once."""
        return sum({check.nodeid: check.retries for result in self.requirements for check in result.checks}.values())
