"""Which check decides which requirement, and the rules that keep the two in step.

A requirement without a check, or a check with an unknown id, fails the collection: what nobody checks must not look
as if it had been checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

from image_harness.marks import MARK_NAME
from image_harness.types import Evidence

RELEASE_MARK = "release"


class TracedRequirement(Protocol):
    """What tracing must know of a requirement."""

    @property
    def id(self) -> str:
        """The requirement's id."""

    @property
    def evidence(self) -> Evidence:
        """The kind of evidence that decides it."""

    @property
    def release(self) -> bool:
        """Whether only release runs decide it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One ``requirement`` mark as a check wears it."""

    ids: tuple[str, ...]
    for_each: str | None


@dataclass(frozen=True, slots=True)
class TracedCheck:
    """A collected check and the requirements that it decides.

    Attributes:
        nodeid: The check's node id.
        ids: The ids of its requirements, placeholders filled in.
    """

    nodeid: str
    ids: tuple[str, ...]


def marks_of(node: pytest.Item) -> tuple[Mark, ...]:
    """Return the ``requirement`` marks of a check, the closest first."""
    return tuple(Mark(tuple(mark.args), mark.kwargs.get("for_each")) for mark in node.iter_markers(MARK_NAME))


def requirement_ids(item: pytest.Item) -> tuple[str, ...]:
    """Return the ids that a collected check decides, in the order of its marks and without repetition."""
    slug = _slug(item)
    ids = (id_.replace("{key}", slug) if slug is not None else id_ for mark in marks_of(item) for id_ in mark.ids)
    return tuple(dict.fromkeys(ids))


def _slug(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    design_item = callspec.params.get("item") if callspec is not None else None
    return getattr(design_item, "slug", None)


def problems(
    checks: Sequence[TracedCheck],
    untraced: Iterable[str],
    requirements: Iterable[TracedRequirement],
    *,
    complete: bool,
) -> list[str]:
    """List what breaks the tracing rules, one line each; an empty list when nothing does.

    Args:
        checks: The checks that name requirements.
        untraced: Node ids of checks that name none.
        requirements: The design's catalogue.
        complete: Whether the whole suite was collected, so that a requirement without a check can be told.
    """
    by_id = {requirement.id: requirement for requirement in requirements}
    found = [f"{nodeid}: the check names no requirement; mark it with @requirement(...)" for nodeid in untraced]
    for check in checks:
        unknown = [id_ for id_ in check.ids if id_ not in by_id]
        found += [
            f"{check.nodeid}: unknown requirement {id_!r}; add it to the design or correct the id" for id_ in unknown
        ]
        kinds = {(by_id[id_].evidence, by_id[id_].release) for id_ in check.ids if id_ in by_id}
        if len(kinds) > 1:
            names = ", ".join(
                sorted({kind.value for kind, _ in kinds} | ({RELEASE_MARK} if any(r for _, r in kinds) else set()))
            )
            found.append(f"{check.nodeid}: one check decides requirements of different kinds ({names}); split it")
    if complete:
        decided = {id_ for check in checks for id_ in check.ids}
        found += [
            f"requirement {id_!r} has no check; write one or take it out of the design"
            for id_ in by_id
            if id_ not in decided
        ]
    return found


def add_kind_marks(item: pytest.Item, ids: Iterable[str], requirements: Iterable[TracedRequirement]) -> None:
    """Give a check the marks that ``-m source|image|runtime|release`` selects by, from its requirements."""
    wanted = set(ids)
    for requirement in requirements:
        if requirement.id in wanted:
            item.add_marker(requirement.evidence.value)
            if requirement.release:
                item.add_marker(RELEASE_MARK)
