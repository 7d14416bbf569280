"""What a setting may hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from resource_monitor.rules import Address, Choice, Folder, Name, Number, Rule, Seconds, Whole


@pytest.mark.parametrize(
    ("rule", "raw", "value"),
    [
        (Whole(1, 10), "1", 1),
        (Whole(1, 10), 10, 10),
        (Number(100), "0.5", 0.5),
        (Number(100), 100, 100.0),
        (Seconds(0.1, 3600), "30", timedelta(seconds=30)),
        (Seconds(0.1, 3600), 0.1, timedelta(seconds=0.1)),
        (Choice(("INFO", "DEBUG")), "debug", "DEBUG"),
        (Name(), "lucid_1-a", "lucid_1-a"),
        (Folder(exists=False), "/not/there/yet", Path("/not/there/yet")),
        (Folder(exists=True), "/", Path("/")),
        (Folder(exists=True), " ", None),
        (Address(("redis",)), "", None),
        (Address(("redis",)), None, None),
    ],
)
def test_allowed_values_are_read(rule: Rule, raw: object, value: object) -> None:
    assert rule.read(raw) == value


@pytest.mark.parametrize(
    ("rule", "raw"),
    [
        *((Whole(1, 10), raw) for raw in ("", "0", "11", "-1", "+1", "1.0", " 1", "1_0", "\u0661", "x", "9" * 5000)),
        *((Whole(1, 10), raw) for raw in (True, 1.5, None, [1])),
        *((Number(100), raw) for raw in ("", "0", "-1", "100.1", "nan", "inf", "x", True, None)),
        *((Seconds(0.1, 3600), raw) for raw in ("", "0", "0.09", "3601", "nan", "30s", True)),
        *((Choice(("INFO",)), raw) for raw in ("", "WARN", 1)),
        *((Name(), raw) for raw in ("", "a b", "a/b", "$a", "a" * 64, 1)),
        *((Folder(exists=False), raw) for raw in ("relative", "~", "/a\0b", 1)),
        (Folder(exists=True), "/not/there"),
        *((Address(("redis",)), raw) for raw in ("cache", "http://cache", 1)),
    ],
)
def test_everything_else_is_refused(rule: Rule, raw: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        rule.read(raw)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Whole(1, 10), "a whole number from 1 to 10"),
        (Number(100), "a number above 0, up to 100"),
        (Seconds(0.1, 3600), "seconds, from 0.1 to 3600"),
        (Choice(("A", "B")), "one of A, B"),
        (Folder(exists=True), "the absolute path of an existing folder"),
        (Address(("redis", "unix")), "a URL, redis://host[:port] or unix://path"),
    ],
)
def test_each_rule_tells_what_it_allows(rule: Rule, text: str) -> None:
    assert rule.allowed == text
