"""From the catalogue's lines to single requirements: a line with ``for_each`` becomes one per item."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from image_harness.design.model import Line, Requirement, Section
from image_harness.errors import HarnessError
from image_harness.types import Origin


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a collection of the design.

    Attributes:
        key: Its key in a mapping, or its slug in a list.
        value: The member.
        slug: What stands for ``{key}`` in requirement ids and in the names of checks.
    """

    key: str
    value: Any
    slug: str


def collect(values: BaseModel, name: str) -> tuple[Item, ...]:
    """Return the collection that a dotted name such as ``image.labels`` stands for.

    Raises:
        HarnessError: The design has no such collection, or two of its members have the same slug.
    """
    found: Any = values
    for part in name.split("."):
        found = getattr(found, part, None)
    items = tuple(_items(found, name))
    slug, count = Counter(item.slug for item in items).most_common(1)[0] if items else ("", 0)
    if count > 1:
        raise HarnessError(f"two members are called {slug!r}", where=name, fix="rename one")
    return items


def _items(found: object, name: str) -> Iterable[Item]:
    if isinstance(found, Mapping):
        return [Item(key, value, _slug(key)) for key, value in found.items()]
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [_member(member) for member in found]
    raise HarnessError("the design has no such collection", where=name, fix="use a list or mapping of the design")


def _member(member: object) -> Item:
    slug = getattr(member, "slug", None) or str(member)
    return Item(slug, member, _slug(slug))


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-") or "root"


def expand(lines: Iterable[Requirement], sections: Sequence[Section], values: BaseModel) -> tuple[Requirement, ...]:
    """Make the catalogue's requirements.

    Raises:
        HarnessError: An id stands twice, a section is unknown, or a collection does not exist.
    """
    titles = {section.id: section.title for section in sections}
    found: dict[str, Requirement] = {}
    for line in lines:
        if line.section not in titles:
            raise HarnessError(
                f"unknown section {line.section!r}", where=f"requirement {line.id}", fix="add it to sections"
            )
        for requirement in _single(line, values):
            if requirement.id in found:
                raise HarnessError(f"the id {requirement.id!r} stands twice", where="requirements", fix="rename one")
            found[requirement.id] = requirement
    order = {id_: index for index, id_ in enumerate(titles)}
    return tuple(sorted(found.values(), key=lambda requirement: order[requirement.section]))


@dataclass(frozen=True, slots=True)
class TracedLine:
    """A line of a document and the requirements that decide it.

    Attributes:
        place: Where in which document.
        text: What it asks for.
        requirements: Their ids.
    """

    place: str
    text: str
    requirements: tuple[str, ...]


def trace(lines: Iterable[Line], catalogue: Sequence[Requirement]) -> tuple[TracedLine, ...]:
    """Find the requirements that each line of the documents means.

    Raises:
        HarnessError: A line means no requirement, or a requirement of the report is meant by no line.
    """
    ids = [requirement.id for requirement in catalogue]
    traced = tuple(TracedLine(line.place, line.text, _meant(line, ids)) for line in lines)
    meant = {id_ for line in traced for id_ in line.requirements}
    lost = [found.id for found in catalogue if found.origin is Origin.REPORT and found.id not in meant]
    if traced and lost:
        raise HarnessError(f"no line asks for the requirement {lost[0]!r}", where="lines", fix="add it to one")
    return traced


def _meant(line: Line, ids: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for pattern in line.requirements:
        matching = fnmatch.filter(ids, pattern)
        if not matching:
            raise HarnessError(f"no requirement fits {pattern!r}", where=f"lines, {line.place}", fix="correct it")
        found |= dict.fromkeys(matching)
    return tuple(found)


def _single(line: Requirement, values: BaseModel) -> list[Requirement]:
    if line.for_each is None:
        return [line]
    if "{key}" not in line.id:
        raise HarnessError("a requirement for_each item needs {key} in its id", where=f"requirement {line.id}")
    return [
        line.model_copy(
            update={
                "id": line.id.replace("{key}", item.slug),
                "title": _fill(line.title, item),
                "text": _fill(line.text, item),
            }
        )
        for item in collect(values, line.for_each)
    ]


def _fill(text: str, item: Item) -> str:
    return text.replace("{key}", item.key).replace("{value}", _shown(item.value))


def _shown(value: object) -> str:
    exact = getattr(value, "value", None) or getattr(value, "text", None) or getattr(value, "pattern", None)
    return str(exact if exact is not None else value)
