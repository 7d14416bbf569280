"""What is asserted, how each tool says it, and what each tool answered."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any


class Tool(enum.StrEnum):
    """Who checks."""

    STRUCTURE_TEST = "container-structure-test"
    GOSS = "goss"
    TESTINFRA = "testinfra"
    HARNESS = "image-harness"


class Outcome(enum.StrEnum):
    """What a tool says of one assertion.

    ``NO_ANSWER``: it could not look, and said so.
    """

    PASSED = "passed"
    FAILED = "failed"
    NO_ANSWER = "no answer"


class Verdict(enum.StrEnum):
    """What a tool is worth for one assertion, by what it says of the good image and of one that breaks it."""

    CAUGHT = "caught"
    MISSED = "missed"
    BLIND = "passes blindly"
    FALSE_ALARM = "false alarm"
    NO_ANSWER = "cannot look"
    INEXPRESSIBLE = "cannot say"


@dataclass(frozen=True, slots=True)
class Expression:
    """An assertion in a tool's own words.

    Attributes:
        means: What of the tool looks: a kind of test, a resource, a module.
        words: The words, as the tool takes them; requirement ids for the harness.
    """

    means: str
    words: Any


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something that is to hold of an image.

    Attributes:
        id: A short name.
        what: The assertion in words.
        mutant: The defective image that breaks it; "" where only the good image is looked at.
        said: By tool, how it is said, or why it cannot be.
        of_service: Whether it is about the service at work.
    """

    id: str
    what: str
    mutant: str
    said: Mapping[Tool, Expression | str]
    of_service: bool = False

    def expression(self, tool: Tool) -> Expression | None:
        """How a tool says it; None where it cannot."""
        said = self.said[tool]
        return said if isinstance(said, Expression) else None

    def why_not(self, tool: Tool) -> str:
        """Why a tool cannot say it; "" where it can."""
        said = self.said[tool]
        return said if isinstance(said, str) else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool says of one assertion, and its reason where it did not pass."""

    outcome: Outcome
    message: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a tool on one image.

    Attributes:
        answers: By assertion, what it said.
        seconds: Wall time.
        peak_mib: The most memory that its processes had resident together.
    """

    answers: Mapping[str, Answer]
    seconds: float
    peak_mib: float


Runner = Callable[[str, tuple[Assertion, ...], Path], Run]
"""Runs a tool: the image, what to assert of it, a folder of its own."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a tool's runs on the good image took, in their order."""

    seconds: tuple[float, ...]
    peak_mib: tuple[float, ...]

    @property
    def typical_seconds(self) -> float:
        """The median."""
        return median(self.seconds)

    @property
    def typical_mib(self) -> float:
        """The median."""
        return median(self.peak_mib)


@dataclass(frozen=True, slots=True)
class Row:
    """One assertion and what came of it.

    Attributes:
        id: The assertion.
        what: The assertion in words.
        mutant: The defective image.
        defect: What is wrong with it, in words.
        means: By tool, what of it looks; for those that can express the assertion.
        why_not: By tool, why it cannot.
        good: By tool, what it says of the good image.
        bad: By tool, what it says of the defective one.
    """

    id: str
    what: str
    mutant: str
    defect: str
    means: Mapping[Tool, str]
    why_not: Mapping[Tool, str]
    good: Mapping[Tool, Answer]
    bad: Mapping[Tool, Answer]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was measured.

    Attributes:
        machine: The processors, the image's platform and the like, in words.
        versions: Of each tool.
        rows: Every assertion.
        costs: Of all assertions that a tool can express, on the good image.
        structure_checks: How many checks the second comparison is of.
        structure: What they cost; by the two tools that can express them all.
        imports_seconds: What the image's interpreter needs by itself to import all ten packages, by round.
        helped_imports_seconds: The same with the modules that the harness compiles for it beforehand.
        property_ms: What a property of ``host.file`` takes once the toolbox is warm.
    """

    machine: str
    versions: Mapping[Tool, str]
    rows: tuple[Row, ...]
    costs: Mapping[Tool, Cost]
    structure_checks: int
    structure: Mapping[Tool, Cost]
    imports_seconds: tuple[float, ...]
    helped_imports_seconds: tuple[float, ...]
    property_ms: float

    def verdict(self, row: Row, tool: Tool) -> Verdict:
        """What a tool is worth for an assertion."""
        if tool not in row.means:
            return Verdict.INEXPRESSIBLE
        good, bad = row.good[tool].outcome, row.bad[tool].outcome
        if Outcome.NO_ANSWER in (good, bad):
            return Verdict.NO_ANSWER
        if good is Outcome.FAILED:
            return Verdict.FALSE_ALARM
        if bad is Outcome.FAILED:
            return Verdict.CAUGHT
        return Verdict.BLIND if self._means_fail(tool, row.means[tool]) else Verdict.MISSED

    def _means_fail(self, tool: Tool, means: str) -> bool:
        """Whether what looks has shown, on the good image, that it cannot look."""
        return any(
            row.means.get(tool) == means and row.good[tool].outcome is not Outcome.PASSED
            for row in self.rows
            if tool in row.good
        )

    def count(self, tool: Tool, *verdicts: Verdict) -> int:
        """How many assertions have one of these verdicts."""
        return sum(self.verdict(row, tool) in verdicts for row in self.rows)

    def expressed(self, tool: Tool) -> int:
        """How many assertions a tool can express."""
        return sum(tool in row.means for row in self.rows)
