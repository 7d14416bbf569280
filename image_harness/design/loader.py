"""Loads a design: the file, the one that it extends, placeholders filled in, validated."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from image_harness.design.catalogue import Item, TracedLine, collect, expand, trace
from image_harness.design.model import DesignFile, Requirement
from image_harness.errors import HarnessError
from image_harness.types import Digest
from image_harness.yaml_source import Key, Source, read_source

_PLACEHOLDER = re.compile(r"\$\{([a-z_]+(?:\.[a-z_]+)*)\}")
_EXTENDS = "extends"
_LONGEST = 10_000


class Design(DesignFile):
    """What an image must be.

    Attributes:
        digest: Over the files that the design was read from.
    """

    digest: Digest

    @functools.cached_property
    def catalogue(self) -> tuple[Requirement, ...]:
        """Every single requirement, in the order of the sections."""
        return expand(self.requirements, self.sections, self)

    @functools.cached_property
    def traced_lines(self) -> tuple[TracedLine, ...]:
        """Every line of the documents, with the requirements that decide it."""
        return trace(self.lines, self.catalogue)

    def collection(self, name: str) -> tuple[Item, ...]:
        """Return a collection of the design, such as ``image.labels``.

        Raises:
            HarnessError: There is none of that name.
        """
        return collect(self, name)

    def section_title(self, requirement: Requirement) -> str:
        """Return the heading that a requirement is reported under."""
        return next(section.title for section in self.sections if section.id == requirement.section)


def load_design(path: Path) -> Design:
    """Read a design file and the one that it extends.

    Raises:
        HarnessError: A file cannot be read or a value is wrong; names file, line and key.
    """
    sources = _chain(path)
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        merged = _merge(merged, {key: value for key, value in source.data.items() if key != _EXTENDS})
    filled = {key: _fill(value, merged, (key,), sources) for key, value in merged.items()}
    digest = hashlib.sha256(b"\0".join(source.content for source in reversed(sources))).hexdigest()
    try:
        design = Design.model_validate({**filled, "digest": Digest(f"sha256:{digest}")})
    except ValidationError as error:
        raise _wrong_value(error, sources) from None
    try:
        _ = design.traced_lines
    except HarnessError as error:
        raise HarnessError(error.what, where=f"{path}: {error.where}", fix=error.fix) from None
    return design


def _chain(path: Path) -> list[Source]:
    """Return the file and those that it extends, itself first."""
    sources = [read_source(path, "a design")]
    while (base := sources[-1].data.get(_EXTENDS)) is not None:
        where = f"{sources[-1].path}:{sources[-1].lines[(_EXTENDS,)]}"
        if not isinstance(base, str):
            raise HarnessError("extends names one file", where=where, fix="write it as extends: family.yaml")
        extended = sources[-1].path.parent / base
        if extended.resolve() in [source.path.resolve() for source in sources]:
            raise HarnessError(f"{base} extends itself", where=where, fix="remove one of the extends")
        sources.append(read_source(extended, "a design"))
    return sources


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another; mappings are merged, anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _fill(value: object, values: Mapping[str, object], key: Key, sources: Sequence[Source]) -> object:
    if isinstance(value, dict):
        return {name: _fill(member, values, (*key, name), sources) for name, member in value.items()}
    if isinstance(value, list):
        return [_fill(member, values, (*key, index), sources) for index, member in enumerate(value)]
    if isinstance(value, str) and "${" in value:
        return _PLACEHOLDER.sub(lambda match: _look_up(match[1], values, _place(key, sources)), value)
    return value


def _place(key: Key, sources: Sequence[Source]) -> str:
    """Where a value stands, or what is closest around it: file and line of the file that has the last word."""
    for end in range(len(key), 0, -1):
        for source in sources:
            if key[:end] in source.lines:
                return f"{source.path}:{source.lines[key[:end]]}"
    return str(sources[0].path)


def _look_up(name: str, values: Mapping[str, Any], where: str) -> str:
    """Return the text of the value that a placeholder names, the placeholders in it filled in, too."""
    known: dict[str, str] = {}

    def fill(name: str, within: tuple[str, ...]) -> str:
        if name in within:
            raise HarnessError(f"the placeholder ${{{name}}} leads to itself", where=where, fix="write the value out")
        if name not in known:
            text = str(_single(name, values, where))
            known[name] = _PLACEHOLDER.sub(lambda match: fill(match[1], (*within, name)), text)
        if len(known[name]) > _LONGEST:
            what = f"the placeholder ${{{name}}} makes more than {_LONGEST} characters"
            raise HarnessError(what, where=where, fix="write less into one value")
        return known[name]

    return fill(name, ())


def _single(name: str, values: Mapping[str, Any], where: str) -> object:
    found: Any = values
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None or isinstance(found, (Mapping, list)):
        raise HarnessError(
            f"the placeholder ${{{name}}} names no single value", where=where, fix="name a value of the design"
        )
    return found


def _wrong_value(error: ValidationError, sources: Sequence[Source]) -> HarnessError:
    first = error.errors()[0]
    key: Key = tuple(first["loc"])
    dotted = ".".join(str(part) for part in key)
    place = _place(key, sources)
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return HarnessError(f"unknown key {dotted!r}", where=place, fix="correct or remove it")
    return HarnessError(f"{dotted}: {what}", where=place, fix="correct the value")
