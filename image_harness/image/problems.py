"""What is wrong with a file that a package claims."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ProblemKind(enum.StrEnum):
    """How a file differs from what its package says."""

    MISSING = "missing"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One file that is not as its package shipped it.

    Attributes:
        path: Where it should be.
        kind: What is wrong.
        expected: The digest that the package names.
        found: The digest of what is there; None where nothing is.
    """

    path: str
    kind: ProblemKind
    expected: str
    found: str | None
