"""A statement read back: what somebody claims of an image, with nothing believed yet but its shape."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from image_harness.errors import first_problem
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.statement import PREDICATE_TYPE, SCHEMA, TestResult
from image_harness.types import Digest

_SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_STATEMENT_TYPES = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")


class _Model(BaseModel):
    # A consumer ignores what it does not know, says the specification.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Design(_Model):
    """The design that the image was held against."""

    name: str
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class AllowedReason(_Model):
    """A reason against shipping that the signer let through."""

    id: str
    finding: str
    reason: str


class SignOff(_Model):
    """What this harness says beyond the predicate's own fields."""

    version: int = Field(alias="schema")
    signed: AwareDatetime
    design: Design
    requirements: int
    allowed: tuple[AllowedReason, ...]


class Resource(_Model):
    """Something that the result depends on, by its digest."""

    name: str = ""
    digest: dict[str, str] = Field(default_factory=dict)


class Predicate(_Model):
    """A test result, version 0.1."""

    result: TestResult
    configuration: tuple[Resource, ...]
    passed: tuple[str, ...] = Field(default=(), alias="passedTests")
    warned: tuple[str, ...] = Field(default=(), alias="warnedTests")
    failed: tuple[str, ...] = Field(default=(), alias="failedTests")
    sign_off: SignOff = Field(alias="signOff")

    @property
    def materials(self) -> dict[str, Digest]:
        """What the configuration names by its SHA-256.

        Raises:
            HarnessError: One of them is no SHA-256.
        """
        named = ((item.name, item.digest.get("sha256")) for item in self.configuration)
        return {name: Digest(f"sha256:{value}") for name, value in named if value is not None}

    @property
    def signed(self) -> datetime:
        """When it was signed, as the signer says."""
        return self.sign_off.signed


class _Subject(_Model):
    digest: dict[str, str]


class _Statement(_Model):
    type: str = Field(alias="_type")
    subject: tuple[_Subject, ...]
    predicate_type: str = Field(alias="predicateType")


class _TestStatement(_Statement):
    predicate: Predicate


class Claims(_Model):
    """A statement of a test result.

    Attributes:
        subjects: The digests that it is about.
        predicate: The result.
    """

    subjects: tuple[_SHA256, ...]
    predicate: Predicate

    def is_about(self, digest: Digest) -> bool:
        """Whether it is about an image."""
        return digest.hex in self.subjects


def predicate_type_of(payload: bytes) -> str | None:
    """What kind of statement it is; None when it is none."""
    try:
        return _Statement.model_validate_json(payload).predicate_type
    except ValidationError:
        return None


def read_claims(payload: bytes, where: str) -> Claims:
    """Read a statement.

    Raises:
        NotVerifiedError: It is no statement, or one of something else than a sign-off.
    """
    kind = predicate_type_of(payload)
    if kind is not None and kind != PREDICATE_TYPE:
        raise NotVerifiedError(f"the statement is of another kind: {kind}", where=where)
    try:
        statement = _TestStatement.model_validate_json(payload)
        if statement.type not in _STATEMENT_TYPES:
            raise NotVerifiedError(f"not an in-toto statement of a known version: {statement.type}", where=where)
        subjects = tuple(item.digest.get("sha256", "") for item in statement.subject)
        claims = Claims(subjects=subjects, predicate=statement.predicate)
    except ValidationError as error:
        raise NotVerifiedError(f"not the statement of a sign-off: {first_problem(error)}", where=where) from None
    if claims.predicate.sign_off.version != SCHEMA:
        what = f"a sign-off of schema {claims.predicate.sign_off.version}, not {SCHEMA}"
        raise NotVerifiedError(what, where=where)
    return claims
