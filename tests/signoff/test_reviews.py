from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.reviews import Review, read_reviews, write_review
from tests.report.generate import digest

ROOT = Path(__file__).parents[2]
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
        f"version = {'[' * 5000}",
    ],
)
def test_a_damaged_file_is_told_in_one_line_and_kept(text: str, tmp_path: Path) -> None:
    lock = tmp_path / "reviewed.lock"
    lock.write_text(text)

    with pytest.raises(HarnessError) as caught:
        read_reviews(lock)
    assert str(caught.value).startswith(f"{lock}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(HarnessError):
        write_review(lock, "a", FIRST)
    assert lock.read_text() == text


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    lock, kept = tmp_path / "reviewed.lock", tmp_path / "kept.lock"
    lock.symlink_to(kept)

    write_review(lock, "rdp-monitor", FIRST)

    assert lock.is_symlink()
    assert read_reviews(kept) == {"rdp-monitor": FIRST}


@pytest.mark.parametrize("note", ["a\x7fb", "caf\udce9", "two\nlines", "\x1b[2J", "\u202e"])
def test_a_note_that_cannot_be_printed_is_refused(note: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"--note: cannot be printed: .*; write it in one line") as caught:
        write_review(tmp_path / "reviewed.lock", "a", replace(FIRST, note=note))
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("note", ["café 😀", 'a "quote" and a \\'])
def test_a_note_of_any_language_is_written_in_utf_8(note: str, tmp_path: Path) -> None:
    lock = tmp_path / "reviewed.lock"
    review = replace(FIRST, note=note)
    code = (
        "from pathlib import Path; from tests.signoff.test_reviews import FIRST; from dataclasses import replace; "
        "from image_harness.signoff.reviews import write_review; "
        f"write_review(Path({str(lock)!r}), 'a', replace(FIRST, note={note!a}))"
    )
    # A locale in which text is not UTF-8 unless somebody says so.
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)

    assert read_reviews(lock) == {"a": review}


def test_what_an_earlier_reviewer_wrote_can_be_read_after_the_next(tmp_path: Path) -> None:
    lock = tmp_path / "reviewed.lock"
    entry = f'digest = "{digest("first")}"\nreviewed = 2026-03-01\nnote = "a\\u007fb\\n"\n'
    lock.write_text(f"version = 1\n[design.a]\n{entry}")

    write_review(lock, "b", FIRST)
    assert read_reviews(lock)["a"].note == "a\x7fb\n"


def test_whatever_goes_wrong_nothing_is_left_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_path: Path, _target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_review(tmp_path / "reviewed.lock", "a", FIRST)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"reviewed\.lock: cannot be written: No such file"):
        write_review(tmp_path / "none" / "reviewed.lock", "a", FIRST)
