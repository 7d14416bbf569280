"""The shape of report.json, schema 1: the one definition that it is written, read and described by.

Fields may be added to schema 1; a reader ignores those it does not know. What a reader relies on changes only
together with the number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from image_harness.report.model import BaseUse, CheckOutcome
from image_harness.types import Evidence, Origin, Status

SCHEMA_VERSION: Final = 1


def _without_surrogates(value: object) -> object:
    """File names that are no UTF-8 reach a message as lone surrogates, which JSON in UTF-8 has no place for."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _in_calendar(value: datetime) -> datetime:
    """The first and the last hours that there are may be none in another time zone."""
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time that there is not in UTC") from None
    return value


_Text = Annotated[str, BeforeValidator(_without_surrogates)]
_DigestText = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
_Moment = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
# What a database and most other readers have room for.
_Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
_Verdict = Literal[Status.MET, Status.NOT_MET, Status.UNPROVEN]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Layer(_Part):
    """One layer, bottom first."""

    digest: _DigestText
    size: _Count
    uncompressed_size: _Count
    created_by: _Text


class Image(_Part):
    """The image that the verdict belongs to."""

    reference: _Text
    manifest_digest: _DigestText | None
    config_digest: _DigestText | None
    platform: str
    size: _Count = 0
    layers: tuple[Layer, ...] = ()
    manifest_absence: _Text = ""
    packages: _Count | None = None


class Line(_Part):
    """A line of a document that the design was written from."""

    place: _Text
    text: _Text
    requirements: tuple[str, ...]


class Design(_Part):
    """The design that it was held against."""

    name: _Text
    sha256: _Hex
    documents: tuple[_Text, ...] = ()
    lines: tuple[Line, ...] = ()


class Base(_Part):
    """An image that a build stage starts from."""

    reference: _Text
    digest: _DigestText | None


class Bases(_Part):
    """What the image was built on."""

    use: BaseUse
    images: tuple[Base, ...]
    reason: _Text


class Run(_Part):
    """The run that looked."""

    engine: _Text | None
    emulated: bool | None
    started: _Moment
    seconds: _Seconds
    harness: _Text
    bases: Bases = Bases(use=BaseUse.UNKNOWN, images=(), reason="not recorded")
    selection: _Text = ""
    boot_seconds: _Seconds | None = None
    retries: _Count = 0


class Check(_Part):
    """How one check ended."""

    nodeid: _Text
    outcome: CheckOutcome
    seconds: _Seconds
    message: _Text
    evidence: tuple[_Text, ...] = ()
    retries: _Count = 0


class Requirement(_Part):
    """A requirement and what became of it."""

    id: _Text
    section: _Text
    title: _Text
    text: _Text = ""
    evidence: Evidence
    origin: Origin
    source: _Text = ""
    release: bool = False
    status: Status
    deselected: _Count = 0
    checks: tuple[Check, ...]


class Section(_Part):
    """How many requirements under a heading have which status; no compliance where none was selected."""

    name: _Text
    met: _Count
    not_met: _Count
    unproven: _Count
    compliance: Annotated[float, Field(ge=0, le=1)] | None
    not_selected: _Count = 0


class Document(_Part):
    """The whole of report.json."""

    model_config = ConfigDict(title="image-harness report", frozen=True, extra="ignore", populate_by_name=True)

    version: Literal[1] = Field(alias="schema")
    image: Image
    design: Design
    run: Run
    requirements: tuple[Requirement, ...]
    sections: tuple[Section, ...]
    verdict: _Verdict
