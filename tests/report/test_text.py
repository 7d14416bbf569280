from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_harness.report import text

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))


def test_printable_shows_what_would_steer_a_terminal() -> None:
    assert text.printable("\x1b[31mred\x07") == r"\x1b[31mred\x07"


def test_printable_shows_what_would_turn_text_around() -> None:
    assert text.printable("a\u202eb") == r"a\u202eb"


def test_printable_keeps_line_feeds_tabs_and_letters() -> None:
    assert text.printable("a\tb\r\nc é 漢") == "a\tb\nc é 漢"


@given(ANY_TEXT)
def test_printable_text_can_be_encoded_and_stands_in_xml(content: str) -> None:
    shown = text.printable(content)
    element = ET.Element("a")
    element.text = shown
    assert (ET.fromstring(ET.tostring(element, encoding="utf-8")).text or "") == shown


@given(ANY_TEXT, st.integers(min_value=4, max_value=50))
def test_one_line_is_one_line_and_no_longer_than_asked(content: str, limit: int) -> None:
    line = text.one_line(content, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (0.5, "50 %"),
        (0.999, "99 %"),
        (9_999 / 10_000, "99 %"),
        (1.0, "100 %"),
        *((part / 100, f"{part} %") for part in (28, 29, 57, 58)),
    ],
)
def test_a_percentage_is_never_rounded_up(share: float | None, shown: str) -> None:
    assert text.percent(share) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (107 * 1024**2, "107.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (2 * 1024**4, "2.0 TiB"),
    ],
)
def test_sizes_are_for_people(count: int, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        (timedelta(milliseconds=12), "0.01 s"),
        (timedelta(seconds=59.5), "59.50 s"),
        (timedelta(minutes=2, seconds=5), "2 min 5 s"),
    ],
)
def test_durations_are_for_people(duration: timedelta, shown: str) -> None:
    assert text.seconds(duration) == shown


def test_a_count_of_one_is_singular() -> None:
    assert [text.count(number, "layer") for number in (0, 1, 2)] == ["0 layers", "1 layer", "2 layers"]
