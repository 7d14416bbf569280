"""The catalogue's shape: sections, the documents that requirements come from, and the requirements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from image_harness.design.values import Model
from image_harness.types import Evidence, Origin

_REFERENCE = re.compile(r"(?P<document>[a-z][a-z-]*):(?P<lines>[0-9]+(?:-[0-9]+)?)")
_LINES = r"^[0-9]+(-[0-9]+)?$"


class Section(Model):
    """A heading that requirements are reported under."""

    id: str = Field(pattern=r"^[a-z][a-z-]*$")
    title: str


class Statement(Model):
    """What one passage of a document asks for.

    Attributes:
        lines: The passage's lines, counted from 1: ``31-35`` or ``38``.
        section: The document's heading that it stands under.
        text: What it asks for, in the words of this design.
        because: Why no requirement decides it; only for a passage that asks for nothing.
    """

    lines: str = Field(pattern=_LINES)
    section: str
    text: str
    because: str | None = None


class Document(Model):
    """A document that the design answers to, passage by passage."""

    title: str
    statements: tuple[Statement, ...]


class CatalogueLine(Model):
    """One line of the catalogue; with ``for_each`` it stands for one requirement per item of a collection.

    Attributes:
        id: What checks and reports call it.
        section: The id of the heading that it is reported under.
        title: In a few words.
        text: What must hold, as one sentence.
        origin: Which document asks for it.
        evidence: What decides it.
        source: Passages of documents, as ``report:31-35``; for what no document asks, the reason to ask it.
        release: Whether only release runs decide it.
        for_each: A collection of the design, such as ``image.labels``; ``{key}`` and ``{value}`` stand for its items.
    """

    id: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/{}+-]*$")
    section: str
    title: str
    text: str
    origin: Origin
    evidence: Evidence
    source: tuple[str, ...] = Field(min_length=1)
    release: bool = False
    for_each: str | None = None

    @model_validator(mode="after")
    def _source_fits_origin(self) -> Self:
        """What a document asks for must say where; the first reference is to the document that it comes from."""
        if self.origin is not Origin.BEYOND and not self.source[0].startswith(f"{self.origin.value}:"):
            raise ValueError(f"the origin is {self.origin.value}, so the source begins with {self.origin.value}:LINES")
        return self


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A passage of a document: ``report:31-35``."""

    document: str
    lines: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a reference; None for a text that is none."""
        match = _REFERENCE.fullmatch(text)
        return cls(match["document"], match["lines"]) if match else None

    def __str__(self) -> str:
        noun = "lines" if "-" in self.lines else "line"
        return f"{self.document}, {noun} {self.lines}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that must hold of the image.

    Attributes:
        id: What checks and reports call it.
        section: The id of the heading that it is reported under.
        title: In a few words.
        text: What must hold, as one sentence.
        origin: Which document asks for it.
        evidence: What decides it.
        references: The passages that ask for it.
        source: The same for a reader; for what no document asks, the reason to ask it.
        release: Whether only release runs decide it.
    """

    id: str
    section: str
    title: str
    text: str
    origin: Origin
    evidence: Evidence
    references: tuple[Reference, ...]
    source: str
    release: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A passage of a document and the requirements that decide it.

    Attributes:
        document: The document's title.
        reference: Which passage.
        section: The document's heading that it stands under.
        text: What it asks for.
        requirements: The ids of the requirements; empty when it asks for nothing.
        because: Why it asks for nothing; None when requirements decide it.
    """

    document: str
    reference: Reference
    section: str
    text: str
    requirements: tuple[str, ...]
    because: str | None
