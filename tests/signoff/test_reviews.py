from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.reviews import Review, read_reviews, write_review
from tests.report.generate import digest

FIRST = Review(digest("first"), date(2026, 3, 1), 'read with care, "twice"')


def test_without_a_file_nothing_is_reviewed(tmp_path: Path) -> None:
    assert read_reviews(tmp_path / "reviewed.lock") == {}


def test_a_review_is_read_back_and_replaces_the_one_before(tmp_path: Path) -> None:
    lock = tmp_path / "reviewed.lock"
    later = Review(digest("later"), date(2026, 3, 2))
    write_review(lock, "rdp-monitor", FIRST)
    write_review(lock, "rdp-gateway", FIRST)
    assert read_reviews(lock) == {"rdp-monitor": FIRST, "rdp-gateway": FIRST}

    write_review(lock, "rdp-monitor", later)
    assert read_reviews(lock) == {"rdp-monitor": later, "rdp-gateway": FIRST}
    assert [file.name for file in tmp_path.iterdir()] == ["reviewed.lock"]


@pytest.mark.parametrize(
    "text",
    [
        "version = 2",
        "",
        "version = ",
        'version = 1\n[design.a]\ndigest = "x"\nreviewed = 2026-03-01',
        f'version = 1\n[design.a]\ndigest = "{digest("a")}"',
        f'version = 1\n[design.a]\ndigest = "{digest("a")}"\nreviewed = "yesterday"',
        "version = 1\ndesign = 3",
    ],
)
def test_a_damaged_file_is_told_in_one_line_and_kept(text: str, tmp_path: Path) -> None:
    lock = tmp_path / "reviewed.lock"
    lock.write_text(text)

    with pytest.raises(HarnessError) as caught:
        read_reviews(lock)
    assert "\n" not in str(caught.value)
    with pytest.raises(HarnessError):
        write_review(lock, "a", FIRST)
    assert lock.read_text() == text


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"reviewed\.lock: cannot be written: No such file"):
        write_review(tmp_path / "none" / "reviewed.lock", "a", FIRST)
