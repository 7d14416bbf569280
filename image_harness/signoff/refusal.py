"""Why a sign-off is refused, and what lets a reason through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from image_harness.errors import HarnessError

_ALLOWANCE = re.compile(r"(?P<id>[a-z][^\s=]*)=(?P<why>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason against shipping an image.

    Attributes:
        id: What ``--allow`` calls it, such as ``bases.stand-in`` or ``unproven:health.probe``.
        text: What was found, in one line.
        requirement: The requirement that it is about, if it is about one.
        allowable: Whether anybody can let it through; what leaves the verdict without an image is for nobody to allow.
    """

    id: str
    text: str
    requirement: str | None = None
    allowable: bool = True

    def __str__(self) -> str:
        return f"{self.id}: {self.text}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Somebody's decision to let one reason through.

    Attributes:
        id: The reason's id.
        why: The grounds, for whoever reads the statement.
    """

    id: str
    why: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``ID=WHY``.

        Raises:
            HarnessError: The text has another shape, or cannot be printed.
        """
        match = _ALLOWANCE.fullmatch(text.strip())
        why = " ".join(match["why"].split()) if match else ""
        if match is None or not why or not why.isprintable():
            fix = "write --allow 'bases.stand-in=no registry in reach'"
            raise HarnessError(f"not a reason's id and the grounds for allowing it: {text!r}", where="--allow", fix=fix)
        return cls(match["id"], why)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A reason that was let through, and on which grounds."""

    refusal: Refusal
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gates come to.

    Attributes:
        refused: The reasons that stand, in order.
        allowed: The reasons that were let through.
        unused: Allowances of what was not found.
    """

    refused: tuple[Refusal, ...]
    allowed: tuple[Allowed, ...] = ()
    unused: tuple[Allowance, ...] = ()

    @property
    def may_ship(self) -> bool:
        """Whether no reason stands."""
        return not self.refused


def parse_allowances(texts: Iterable[str]) -> tuple[Allowance, ...]:
    """Read all ``--allow`` options.

    Raises:
        HarnessError: One has another shape, or two speak of the same reason.
    """
    allowances = tuple(Allowance.parse(text) for text in texts)
    ids = [allowance.id for allowance in allowances]
    if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
        raise HarnessError(f"{twice} is allowed twice", where="--allow", fix="leave one of the two out")
    return allowances


def decide(refusals: Sequence[Refusal], allowances: Sequence[Allowance]) -> Decision:
    """Hold the reasons found against those allowed; an allowance covers the reason of exactly its id."""
    why = {allowance.id: allowance.why for allowance in allowances}
    found = {refusal.id for refusal in refusals}
    return Decision(
        refused=tuple(refusal for refusal in refusals if not (refusal.allowable and refusal.id in why)),
        allowed=tuple(
            Allowed(refusal, why[refusal.id]) for refusal in refusals if refusal.allowable and refusal.id in why
        ),
        unused=tuple(allowance for allowance in allowances if allowance.id not in found),
    )
