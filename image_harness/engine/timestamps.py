"""Times and durations as engines write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from image_harness.engine.errors import EngineError

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)", re.ASCII)
_NANOSECONDS = 1_000_000_000


def parse_timestamp(text: str) -> datetime | None:
    """Read an RFC 3339 time of up to nanoseconds (cut to microseconds); the zero time of Go is None.

    Raises:
        EngineError: The text is no such time.
    """
    if not text or text.startswith("0001-01-01"):
        return None
    match = _RFC3339.match(text)
    if match is None:
        raise EngineError(f"the engine gave a time that cannot be read: {text[:80]!r}")
    date, time, fraction, zone = match.groups()
    return datetime.fromisoformat(f"{date}T{time}.{(fraction or '0')[:6]:0<6}{'+00:00' if zone == 'Z' else zone}")


def from_nanoseconds(value: int) -> datetime:
    """A time given as nanoseconds since 1970, in UTC."""
    seconds, rest = divmod(value, _NANOSECONDS)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1000)


def to_nanoseconds(duration: timedelta) -> int:
    """A duration in the nanoseconds that engines take."""
    return duration // timedelta(microseconds=1) * 1000
