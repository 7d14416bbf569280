from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.report import load_report, write_reports

from .generate import good_report, hostile_report, whole_report

FILES = ["junit.xml", "report.html", "report.json", "report.md"]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_writes_the_four_files_and_nothing_else(tmp_path: Path) -> None:
    write_reports(whole_report(), tmp_path)
    assert names(tmp_path) == FILES
    assert load_report(tmp_path / "report.json") == whole_report()


def test_makes_the_directory(tmp_path: Path) -> None:
    write_reports(good_report(), tmp_path / "some" / "where")
    assert names(tmp_path / "some" / "where") == FILES


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_reports(whole_report(), tmp_path / place)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_replaces_the_reports_of_an_earlier_run_and_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_reports(whole_report(), tmp_path)
    write_reports(good_report(), tmp_path)
    assert load_report(tmp_path / "report.json") == good_report()
    assert names(tmp_path) == sorted([*FILES, "notes.txt"])


def test_what_is_hostile_can_be_written(tmp_path: Path) -> None:
    write_reports(hostile_report(), tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_text("utf-8")


def test_files_are_as_readable_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_reports(good_report(), tmp_path)
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in FILES} == {0o644}


def test_a_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot write the reports") as caught:
        write_reports(good_report(), tmp_path / "file" / "reports")
    assert str(tmp_path / "file" / "reports") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_earlier_report_and_no_part_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reports(whole_report(), tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HarnessError, match="No space left on device"):
        write_reports(good_report(), tmp_path)
    assert names(tmp_path) == FILES
    assert load_report(tmp_path / "report.json") == whole_report()


def test_importing_the_report_does_without_what_only_files_need() -> None:
    code = (
        "import sys, image_harness.report\n"
        "heavy = {'jinja2', 'markupsafe', 'pydantic', 'xml.etree.ElementTree', 'image_harness.report.html'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
