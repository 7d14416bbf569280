from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from image_harness.engine.errors import EngineError
from image_harness.engine.timestamps import from_nanoseconds, parse_timestamp, to_nanoseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T08:26:40.984281387Z", datetime(2026, 11, 23, 8, 26, 40, 984281, UTC)),
        ("2026-11-23T08:26:40Z", datetime(2026, 11, 23, 8, 26, 40, 0, UTC)),
        ("2026-11-23T09:26:40.5+01:00", datetime(2026, 11, 23, 8, 26, 40, 500000, UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_times_are_read_to_the_microsecond_and_the_zero_time_is_none(text: str, expected: datetime | None) -> None:
    assert parse_timestamp(text) == expected


def test_something_else_is_no_time() -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        parse_timestamp("yesterday")


def test_nanoseconds_both_ways() -> None:
    assert from_nanoseconds(1_500_000_000) == datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)
    assert to_nanoseconds(timedelta(seconds=1.5)) == 1_500_000_000
