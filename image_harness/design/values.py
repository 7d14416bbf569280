"""The kinds of value that a design is made of."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from image_harness.types import Platform, Port

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}


class Model(BaseModel):
    """What all parts of a design have in common: they cannot be changed, and nothing unknown is let in."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _absolute(value: str) -> str:
    if not PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts:
        raise ValueError(f"not an absolute path: {value!r}")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


def _duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration; write it as 500ms, 30s, 5m or 1h")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _parsed(kind: type[Platform | Port]) -> BeforeValidator:
    return BeforeValidator(lambda value: kind.parse(value) if isinstance(value, str) else value)


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Duration = Annotated[timedelta, BeforeValidator(_duration, json_schema_input_type=str)]
PlatformText = Annotated[Platform, _parsed(Platform), Field(json_schema_extra={"type": "string"})]
PortText = Annotated[Port, _parsed(Port), Field(json_schema_extra={"type": "string"})]
Mode = Annotated[str, Field(pattern=r"^[0-7]{4}$")]
