from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.history.store import Store
from image_harness.report.json import render_json
from image_harness.types import Status
from tests.report.generate import good_report, whole_report


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(render_json(whole_report()), "utf-8")
    return path


def test_add_appends_a_report_and_says_when_it_is_known(
    where: str, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["history", "add", "--store", where, "--cell", "docker", str(report)]

    assert main(command) == 0
    assert main(command) == 0

    assert capsys.readouterr().out.splitlines() == ["docker: 1 added", "docker: 0 added, 1 known already"]
    with Store(where) as store:
        assert [(run.cell, run.verdict, run.night) for run in store.runs()] == [
            ("docker", Status.NOT_MET, date(2026, 3, 4))
        ]


def test_trend_writes_a_page(where: str, report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.json"
    good.write_text(render_json(good_report()), "utf-8")
    main(["history", "add", "--store", where, "--cell", "docker", "--night", "2026-03-01", "-q", str(good)])
    main(["history", "add", "--store", where, "--cell", "docker", "--night", "2026-03-02", "-q", str(report)])
    out = tmp_path / "trend.html"

    assert main(["trend", "--store", where, "--out", str(out)]) == 0

    assert capsys.readouterr().err.endswith("2 nights, 1 cell\n")
    assert "2026-03-02" in out.read_text("utf-8")


def test_a_run_that_left_no_report_is_recorded(tmp_path: Path) -> None:
    where = str(tmp_path / "history.sqlite")

    assert main(["history", "add", "--store", where, "--cell", "docker", "--absent", "the build failed", "-q"]) == 0

    with Store(where) as store:
        assert [(run.verdict, run.absence) for run in store.runs()] == [(Status.UNPROVEN, "the build failed")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["history", "add", "--cell", "a"], "name reports or a reason why there is none"),
        (["history", "add", "--cell", "a", "nowhere.json"], "nowhere.json: cannot read the report"),
        (["trend"], "no such history"),
        *(
            (["history", "add", "--cell", "a", "--absent", "b", "--store", store], "no file to keep the history in")
            for store in ("", ":memory:", "sqlite://", "sqlite:///:memory:")
        ),
    ],
)
def test_a_users_mistake_is_one_line_and_leaves_nothing_behind(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2

    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert words in printed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--cell", "--absent", "--store"])
def test_a_text_that_is_not_utf_8_is_a_users_mistake(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "history.sqlite"
    command = ["history", "add", "--store", str(where), "--cell", "docker", "--absent", "gone", option, "c\udcff"]

    with pytest.raises(SystemExit, match="2"):
        main(command)

    assert f"argument {option}: not UTF-8: 'c\\udcff'" in capsys.readouterr().err
    assert not where.exists()


def test_a_report_that_contradicts_itself_is_not_added(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(report.read_text("utf-8"))
    document["verdict"] = "met"
    report.write_text(json.dumps(document), "utf-8")
    where = tmp_path / "history.sqlite"

    assert main(["history", "add", "--store", str(where), "--cell", "docker", str(report)]) == 2

    assert "contradicts itself" in capsys.readouterr().err
    assert not where.exists()


def test_a_page_that_cannot_be_written_is_told_in_one_line(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = str(tmp_path / "history.sqlite")
    main(["history", "add", "--store", where, "--cell", "docker", "-q", str(report)])

    assert main(["trend", "--store", where, "--out", str(tmp_path / "nowhere" / "trend.html")]) == 2

    assert "cannot write the page" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_to_its_end_leaves_the_earlier_one(report: Path, tmp_path: Path) -> None:
    store, page = str(tmp_path / "history.sqlite"), tmp_path / "trend.html"
    main(["history", "add", "--store", store, "--cell", "docker", "-q", str(report)])
    page.write_text("earlier")
    command = 'ulimit -f 8 && exec "$@"'
    arguments = [sys.executable, "-m", "image_harness.cli", "trend", "--store", store, "--out", str(page)]
    done = subprocess.run(["bash", "-c", command, "bash", *arguments], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, f"image-harness: {page}: cannot write the page: File too large\n")
    assert page.read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.sqlite", "report.json", "trend.html"]


@pytest.mark.parametrize("cell", ["", " ", "two\nlines", "\x1b[31m"])
def test_a_cell_without_a_name_in_one_line_is_a_users_mistake(
    cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "history.sqlite"

    with pytest.raises(SystemExit, match="2"):
        main(["history", "add", "--store", str(where), "--cell", cell, "--absent", "gone"])

    assert "no name: " in capsys.readouterr().err
    assert not where.exists()


def test_a_report_may_come_through_a_pipe(where: str, report: Path) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(report.read_bytes())

    with os.fdopen(reading), ThreadPoolExecutor(1) as beside:
        beside.submit(write)
        assert main(["history", "add", "--store", where, "--cell", "docker", "-q", f"/dev/fd/{reading}"]) == 0

    with Store(where) as store:
        (run,) = store.runs()
    assert run.report.hex == hashlib.sha256(report.read_bytes()).hexdigest()


@pytest.mark.parametrize("link", [False, True])
def test_a_trend_is_not_written_over_its_history(
    link: bool, report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "history.sqlite"
    main(["history", "add", "--store", str(where), "--cell", "docker", "-q", str(report)])
    before, out = where.read_bytes(), tmp_path / "trend.html" if link else where
    if link:
        out.symlink_to(where)

    assert main(["trend", "--store", f"sqlite:///{where}", "--out", str(out)]) == 2

    assert "this is the history itself; name another file" in capsys.readouterr().err
    assert where.read_bytes() == before
