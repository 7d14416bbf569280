"""Shorthand that mutants are written with, and the near misses of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from image_harness.errors import HarnessError
from image_harness.mutants.draft import Draft
from image_harness.mutants.model import Kind, Mutant

Names = str | Iterable[str]
Change = Callable[[Draft], None]


def mutant(
    id_: str,
    what: str,
    kills: Names,
    change: Change,
    *,
    follows: Names = (),
    blinds: Names = (),
    real: bool = False,
) -> Mutant:
    """Return a static mutant; requirements are one id, or several."""
    return Mutant(id_, what, names(kills), change, names(follows), names(blinds), real=real)


def behaviour(
    id_: str,
    what: str,
    kills: Names,
    change: Change,
    *,
    batch: str = "",
    follows: Names = (),
    blinds: Names = (),
    selection: str = "runtime",
    checks: tuple[str, ...] = (),
    patient: bool = False,
) -> Mutant:
    """Return a runtime mutant; those of one batch share an image and are selected alike."""
    return Mutant(
        id=id_,
        what=what,
        kills=names(kills),
        change=change,
        follows=names(follows),
        blinds=names(blinds),
        kind=Kind.RUNTIME,
        batch=batch,
        selection=selection,
        checks=checks,
        patient=patient,
    )


def refused(id_: str, what: str, words: str, spoil: Callable[[Path], None]) -> Mutant:
    """Return a mutant of the format: the layout is spoiled, and no check may come to a verdict."""
    nothing = frozenset[str]()
    return Mutant(id_, what, nothing, lambda _draft: None, kind=Kind.FORMAT, spoil=spoil, refusal=words)


def docker(
    id_: str,
    what: str,
    kills: Names,
    old: str,
    new: str,
    *,
    stage: int | None = None,
    nth: int | None = None,
    follows: Names = (),
    blinds: Names = (),
) -> Mutant:
    """Return a mutant that replaces a text of the Dockerfile, or of one of its stages (from 0)."""

    def change(draft: Draft) -> None:
        if stage is None:
            draft.docker(old, new, nth=nth)
        else:
            in_stage(draft, stage, old, new, nth=nth)

    return mutant(id_, what, kills, change, follows=follows, blinds=blinds)


def in_stage(draft: Draft, stage: int, old: str, new: str, *, nth: int | None = None) -> None:
    """Replace a text in one stage of a draft's Dockerfile.

    Raises:
        HarnessError: The stage is not there, or the text does not stand in it as often as wanted.
    """
    begins = [match.start() for match in re.finditer(r"^FROM ", draft.dockerfile, re.MULTILINE)]
    if stage >= len(begins):
        raise HarnessError(f"the Dockerfile has no stage {stage}", where="mutant")
    begin, end = begins[stage], [*begins, len(draft.dockerfile)][stage + 1]
    whole = draft.dockerfile
    draft.dockerfile = whole[begin:end]
    try:
        draft.docker(old, new, nth=nth)
    finally:
        draft.dockerfile = whole[:begin] + draft.dockerfile + whole[end:]


def names(ids: Names) -> frozenset[str]:
    """Return requirement ids as a set; a text is one of them."""
    return frozenset({ids} if isinstance(ids, str) else ids)


def near_misses(value: str) -> Iterator[tuple[str, str]]:
    """Yield what is nearly a text, each with a name: other case, a part of it, more than it, blanks, nothing."""
    found = {
        "case": value.swapcase(),
        "part": value[:-1],
        "longer": value + value[-1:],
        "blank-after": f"{value} ",
        "blank-before": f" {value}",
        "blanks": "  ",
        "empty": "",
        "twice": f"{value}{value}",
    }
    seen = {value}
    for name, miss in found.items():
        if miss not in seen:
            seen.add(miss)
            yield name, miss
