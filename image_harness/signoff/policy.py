"""What somebody who receives an image asks of its sign-off: a YAML file, or the defaults."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from image_harness.errors import HarnessError, first_problem
from image_harness.yaml_source import read_source

_DURATION: Final = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[hd])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1)}
DEFAULT_AGE: Final = timedelta(days=30)


def _duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write hours or days as 12h or 30d")
    return int(match["number"]) * _UNITS[match["unit"]]


class Identity(BaseModel):
    """A signer without a key: who, and who vouches for them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    issuer: str


class Policy(BaseModel):
    """What a sign-off must be like.

    Attributes:
        max_age: How old it may be.
        keys: Public keys, any of which may have signed it.
        identities: Signers without a key, any of whom may have signed it.
        design: The design that the image must have been held against, every requirement of it; None for any design.
        allow: Which reasons the signer may have let through; None for any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_age: Annotated[timedelta, BeforeValidator(_duration)] = Field(default=DEFAULT_AGE, validate_default=False)
    keys: tuple[Path, ...] = ()
    identities: tuple[Identity, ...] = ()
    design: Path | None = None
    allow: tuple[str, ...] | None = None


def load_policy(path: Path) -> Policy:
    """Read a policy; the files that it names are relative to it.

    Raises:
        HarnessError: It cannot be read, or a key or value is wrong.
    """
    data = read_source(path, "a policy", may_be_empty=True).data
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        raise HarnessError(first_problem(error), where=str(path), fix="correct the policy") from None
    folder = path.parent
    design = folder / policy.design if policy.design else None
    return policy.model_copy(update={"keys": tuple(folder / key for key in policy.keys), "design": design})
