"""What a mutant is, and what became of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from image_harness.report.model import RunReport
from image_harness.types import Status

if TYPE_CHECKING:
    from image_harness.mutants.draft import Draft


class Kind(enum.StrEnum):
    """What it takes to see a mutant's defect."""

    STATIC = "static"
    RUNTIME = "runtime"
    FORMAT = "format"


class Verdict(enum.StrEnum):
    """What the checks made of a mutant.

    ``KILLED``: exactly the requirements that it names are not met. ``SURVIVED``: one that it names is met, or could not
    be told. ``MISATTRIBUTED``: those that it names are not met, and so are others, or what should follow does not.
    """

    KILLED = "killed"
    SURVIVED = "survived"
    MISATTRIBUTED = "misattributed"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defect, and what the checks must say of it.

    Attributes:
        id: A short name, unique among all mutants.
        what: The defect in a clause.
        kills: The requirements that the defect breaks.
        change: Makes the defect.
        follows: Further requirements that cannot be met with this defect.
        blinds: Requirements that nobody can tell with this defect, such as those about a service that does not start:
            these may be ``unproven`` or ``not-met``.
        kind: What it takes to see the defect.
        batch: For runtime mutants, those that share an image: their defects do not touch each other.
        selection: For runtime mutants, the expression that selects the checks.
        checks: For runtime mutants, the checks' modules, or single ones by their node ids; all of them when empty.
        spoil: For mutants of the format, makes the defect in a layout that has been written.
        refusal: For mutants of the format, what the one line says that ends the run.
        real: Whether it must be checked from files, by a run of its own, even where the others are sampled.
        patient: For runtime mutants, whether its run waits for the end of time limits for most of its time, so that it
            takes long though it runs few checks.
    """

    id: str
    what: str
    kills: frozenset[str]
    change: Callable[[Draft], None]
    follows: frozenset[str] = frozenset()
    blinds: frozenset[str] = frozenset()
    kind: Kind = Kind.STATIC
    batch: str = ""
    selection: str = "runtime"
    checks: tuple[str, ...] = ()
    spoil: Callable[[Path], None] | None = None
    refusal: str = ""
    real: bool = False
    patient: bool = False

    @property
    def expected(self) -> frozenset[str]:
        """Every requirement that must turn ``not-met``."""
        return self.kills | self.follows


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a run of the checks said of a mutant, or of several that share an image.

    Attributes:
        not_met: The requirements that are not met, and why.
        unproven: Those that could not be told, and why.
        seconds: How long the run took.
        refused: What ended the run before any check; "" when none did.
    """

    not_met: Mapping[str, str] = field(default_factory=dict)
    unproven: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant and what became of it.

    Attributes:
        mutant: The mutant.
        verdict: What the checks made of it.
        missed: Requirements that should have turned ``not-met`` and did not.
        stray: Requirements that turned ``not-met`` or ``unproven`` and should not have.
        sighting: What the checks said.
    """

    mutant: Mutant
    verdict: Verdict
    missed: tuple[str, ...]
    stray: tuple[str, ...]
    sighting: Sighting


def judge(mutant: Mutant, sighting: Sighting, company: Iterable[Mutant] = ()) -> Result:
    """Say whether a mutant was killed.

    Args:
        mutant: The mutant.
        sighting: What the checks said.
        company: Other mutants of the same image; what they break is not held against this one.
    """
    if mutant.kind is Kind.FORMAT:
        told = mutant.refusal in sighting.refused
        return Result(mutant, Verdict.KILLED if told else Verdict.SURVIVED, (), (), sighting)
    others = tuple(company)
    red = set(sighting.not_met)
    missed = mutant.expected - red
    allowed = mutant.expected.union(mutant.blinds, *(other.expected | other.blinds for other in others))
    blind = mutant.blinds.union(*(other.blinds for other in others))
    stray = (red - allowed) | (set(sighting.unproven) - blind - mutant.expected)
    if sighting.refused or mutant.kills & missed:
        verdict = Verdict.SURVIVED
    elif missed or stray:
        verdict = Verdict.MISATTRIBUTED
    else:
        verdict = Verdict.KILLED
    return Result(mutant, verdict, tuple(sorted(missed)), tuple(sorted(stray)), sighting)


def refusal(sighting: Sighting, about_the_image: Iterable[str]) -> Sighting:
    """Return what the checks said of an image that must be refused: the reason, if none of them came to a verdict.

    Args:
        sighting: What they said.
        about_the_image: The requirements that only the image can decide.
    """
    blind = set(sighting.unproven)
    if sighting.refused or sighting.not_met or blind != set(about_the_image):
        return sighting
    reasons = {reason.partition(": ")[2] for reason in sighting.unproven.values()}
    return Sighting(unproven=sighting.unproven, seconds=sighting.seconds, refused="; ".join(sorted(reasons)))


def sighting_of(report: RunReport, seconds: float) -> Sighting:
    """Make a sighting from a run's report; a reason is what the first check says that says anything."""
    reasons: dict[Status, dict[str, str]] = {Status.NOT_MET: {}, Status.UNPROVEN: {}}
    for found in report.requirements:
        if found.status in reasons:
            reasons[found.status][found.facts.id] = next((c.message for c in found.checks if c.message), "")
    return Sighting(reasons[Status.NOT_MET], reasons[Status.UNPROVEN], seconds)
