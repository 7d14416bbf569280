"""What a whole run of mutants amounts to, as data: per mutant, per requirement, and in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import image_harness
from image_harness.design import Design
from image_harness.mutants.model import Kind, Result, Sighting, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement and the mutants that are made for it.

    Attributes:
        id: The requirement.
        section: The heading that it is reported under.
        mutants: How many mutants break it.
        killed: How many of these were killed.
    """

    id: str
    section: str
    mutants: int
    killed: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """A run of mutants.

    Attributes:
        design: What was checked against.
        image: The digest of the good image.
        results: What became of each mutant.
        complete: Whether every mutant of the repository took part.
        differences: Mutants that a run from files saw otherwise than the run in memory, and how.
        sampled: How many mutants were checked from files as well.
        seconds: How long each part took.
    """

    design: Design
    image: str
    results: tuple[Result, ...]
    complete: bool
    differences: Mapping[str, str] = field(default_factory=dict)
    sampled: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def killed(self) -> int:
        """How many mutants were killed."""
        return sum(result.verdict is Verdict.KILLED for result in self.results)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every requirement of the design, in its order."""
        made: dict[str, list[bool]] = {}
        for result in self.results:
            for id_ in result.mutant.kills:
                made.setdefault(id_, []).append(result.verdict is Verdict.KILLED)
        return tuple(
            Row(
                requirement.id,
                self.design.section_title(requirement),
                len(made.get(requirement.id, ())),
                sum(made.get(requirement.id, ())),
            )
            for requirement in self.design.catalogue
        )

    @property
    def uncovered(self) -> tuple[str, ...]:
        """Requirements that no mutant breaks; only a complete run can tell."""
        return tuple(row.id for row in self.rows if not row.mutants) if self.complete else ()

    @property
    def passed(self) -> bool:
        """Whether every mutant was killed, every requirement has one, and both ways of looking agree."""
        return self.killed == len(self.results) and not self.uncovered and not self.differences

    @property
    def line(self) -> str:
        """The result in one line, without what differs from run to run."""
        kinds = ", ".join(
            f"{sum(result.mutant.kind is kind for result in self.results)} {kind}"
            for kind in Kind
            if any(result.mutant.kind is kind for result in self.results)
        )
        covered = sum(row.mutants > 0 for row in self.rows)
        return (
            f"{self.killed} of {len(self.results)} mutants killed ({kinds}); "
            f"{covered} of {len(self.rows)} requirements have at least one"
        )


def complaints(campaign: Campaign) -> list[str]:
    """Return one line for everything that is wrong."""
    lines = [_complaint(result) for result in campaign.results if result.verdict is not Verdict.KILLED]
    lines += [f"no mutant breaks {id_}" for id_ in campaign.uncovered]
    lines += [f"{id_}: from files, {difference}" for id_, difference in campaign.differences.items()]
    return lines


def _complaint(result: Result) -> str:
    sighting = result.sighting
    if sighting.refused:
        return f"{result.verdict}: {result.mutant.id} ({result.mutant.what}): {sighting.refused}"
    parts = []
    for id_ in result.missed:
        told = f"unproven ({sighting.unproven[id_]})" if id_ in sighting.unproven else "met"
        parts.append(f"{id_} is {told}")
    for id_ in result.stray:
        told = "not-met" if id_ in sighting.not_met else "unproven"
        parts.append(f"{id_} is {told}, too ({sighting.not_met.get(id_) or sighting.unproven.get(id_)})")
    return f"{result.verdict}: {result.mutant.id} ({result.mutant.what}): {'; '.join(parts)}"


def to_json(campaign: Campaign) -> dict[str, Any]:
    """Return the run for scripts."""
    return {
        "schema": 1,
        "harness": image_harness.__version__,
        "design": {"name": campaign.design.name, "sha256": str(campaign.design.digest)},
        "image": campaign.image,
        "passed": campaign.passed,
        "line": campaign.line,
        "seconds": dict(campaign.seconds),
        "from_files": {"sampled": campaign.sampled, "differences": dict(campaign.differences)},
        "requirements": [{"id": row.id, "mutants": row.mutants, "killed": row.killed} for row in campaign.rows],
        "mutants": [_mutant(result) for result in campaign.results],
    }


def _mutant(result: Result) -> dict[str, Any]:
    mutant, sighting = result.mutant, result.sighting
    return {
        "id": mutant.id,
        "what": mutant.what,
        "kind": mutant.kind.value,
        "kills": sorted(mutant.kills),
        "follows": sorted(mutant.follows),
        "verdict": result.verdict.value,
        "missed": list(result.missed),
        "stray": list(result.stray),
        "not_met": dict(sighting.not_met),
        "unproven": dict(sighting.unproven),
        "refused": sighting.refused,
        "seconds": round(sighting.seconds, 3),
    }


def difference(memory: Sighting, files: Sighting) -> str:
    """Say how two sightings of the same mutant differ; "" when they agree."""
    if memory.refused or files.refused:
        both = bool(memory.refused) and bool(files.refused)
        return "" if both else f"the image is refused: {files.refused or 'not at all'}"
    parts = []
    for word, here, there in (
        ("not met", memory.not_met, files.not_met),
        ("unproven", memory.unproven, files.unproven),
    ):
        more, fewer = sorted(set(there) - set(here)), sorted(set(here) - set(there))
        parts += [f"{word} as well: {', '.join(more)}"] * bool(more) + [f"not {word}: {', '.join(fewer)}"] * bool(fewer)
    return "; ".join(parts)


def sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows by their heading, in order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.section, []).append(row)
    return found
