"""Which check decides which requirement, and the rules that keep the two in step.

A requirement without a check, or a check with an unknown id, fails the collection: what nobody checks must not look
as if it had been checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from image_harness.marks import MARK_NAME
from image_harness.types import Evidence

if TYPE_CHECKING:
    from image_harness.design import Design, Item

RELEASE_MARK = "release"

_ALL = "*"


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
    for_each: str | None = None
    together: bool = False


@dataclass(frozen=True, slots=True)
class TracedCheck:
    """A check and the requirements that it decides.

    Attributes:
        nodeid: The check's node id.
        ids: The ids of its requirements, placeholders filled in.
        item: The member of the design's collection that it is about, when it is one of several in one test.
    """

    nodeid: str
    ids: tuple[str, ...]
    item: Item | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """A whole collection of the design, as the argument of one test.

    Attributes:
        items: Its members.
    """

    items: tuple[Item, ...]


def marks_of(node: pytest.Item) -> tuple[Mark, ...]:
    """Return the ``requirement`` marks of a test, the closest first."""
    return tuple(
        Mark(tuple(mark.args), mark.kwargs.get("for_each"), mark.kwargs.get("together", False))
        for mark in node.iter_markers(MARK_NAME)
    )


def parameters(marks: Sequence[Mark], design: Design) -> tuple[list[Item] | list[Together], list[str]] | None:
    """What the argument ``item`` of a test stands for, and the names that tell its values apart.

    Args:
        marks: The test's marks.
        design: Where the collection is.

    Returns:
        None when no mark names a collection.

    Raises:
        HarnessError: The design has no such collection.
    """
    mark = next((mark for mark in marks if mark.for_each), None)
    if mark is None or mark.for_each is None:
        return None
    items = design.collection(mark.for_each)
    if mark.together:
        return [Together(items)], [_ALL]
    return list(items), [item.slug for item in items]


def checks_of(test: pytest.Item) -> tuple[TracedCheck, ...]:
    """Return the checks that a test stands for: one, or one per member of a collection that is decided together."""
    callspec = getattr(test, "callspec", None)
    about = callspec.params.get("item") if callspec is not None else None
    marks = marks_of(test)
    if not isinstance(about, Together):
        return (TracedCheck(test.nodeid, _ids(marks, about)),)
    stem = test.nodeid.removesuffix(f"[{_ALL}]")
    return tuple(TracedCheck(f"{stem}[{item.slug}]", _ids(marks, item), item) for item in about.items)


def _ids(marks: Iterable[Mark], item: object) -> tuple[str, ...]:
    """The ids that marks name, in their order and without repetition."""
    slug = getattr(item, "slug", None)
    ids = (id_.replace("{key}", slug) if slug is not None else id_ for mark in marks for id_ in mark.ids)
    return tuple(dict.fromkeys(ids))


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


def add_kind_marks(test: pytest.Item, decides: TracedRequirement) -> None:
    """Give a test the marks that ``-m source|image|runtime|release`` selects by, from a requirement that it decides."""
    test.add_marker(decides.evidence.value)
    if decides.release:
        test.add_marker(RELEASE_MARK)
