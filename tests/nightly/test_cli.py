from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.history.store import Store
from image_harness.report.json import render_json
from image_harness.types import Status
from tests.report.generate import good_report

from .test_matrix import SMALL, written


def test_the_plan_is_every_cell_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = written(tmp_path, SMALL)

    assert main(["nightly", "--matrix", str(matrix), "--plan"]) == 0

    cells = json.loads(capsys.readouterr().out)
    assert len(cells) == 9
    assert cells[0] == {
        "name": "one.docker.distribution.pinned",
        "service": "one",
        "engine": "docker",
        "emulation": "distribution",
        "bases": "pinned",
        "runner": "amd64",
    }


def test_reports_of_jobs_elsewhere_are_kept_and_missing_ones_are_unproven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = written(tmp_path, SMALL)
    there = tmp_path / "cells" / "one.docker.distribution.pinned"
    there.mkdir(parents=True)
    (there / "report.json").write_text(render_json(good_report()), "utf-8")
    damaged = tmp_path / "cells" / "one.docker.distribution.latest"
    damaged.mkdir()
    (damaged / "report.json").write_text(render_json(good_report())[:1000], "utf-8")
    store, out = tmp_path / "history.sqlite", tmp_path / "not" / "there"
    options = ["--matrix", str(matrix), "--store", str(store), "--night", "2026-03-05", "--out", str(out)]

    assert main(["nightly", *options, "--collect", str(tmp_path / "cells")]) == 1

    printed = capsys.readouterr().out
    assert "one.docker.distribution.pinned: MET" in printed
    assert "two.docker.native.latest: UNPROVEN: its job left no report" in printed
    assert "one.docker.distribution.latest: UNPROVEN: " in printed
    assert "not a report" in printed
    with Store(str(store)) as kept:
        verdicts = [run.verdict for run in kept.runs()]
    assert (verdicts.count(Status.MET), verdicts.count(Status.UNPROVEN)) == (1, 8)
    assert "its job left no report" in (out / "trend.html").read_text("utf-8")


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix, store = written(tmp_path, SMALL), tmp_path / "history.sqlite"
    options = ["--matrix", str(matrix), "--store", str(store), "--out", str(matrix / "out"), "-q"]

    assert main(["nightly", *options, "--collect", str(tmp_path)]) == 2

    assert "cannot make the folder: Not a directory; name another with --out" in capsys.readouterr().err
    assert not store.exists()


def test_a_matrix_without_cells_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = written(tmp_path, "{engines: {}, emulations: {}, bases: {}, services: {}}")

    assert main(["nightly", "--matrix", str(matrix), "--list"]) == 0
    assert main(["nightly", "--matrix", str(matrix)]) == 2

    printed = capsys.readouterr()
    assert printed.out == "0 of 0 cells can be run here\n" * 2
    assert "this machine can run none of the cells" in printed.err


def test_an_engine_that_the_matrix_does_not_have_is_a_users_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = written(tmp_path, "{engines: {docker: {}}, emulations: {}, bases: {}, services: {}}")
    nodes = tmp_path / "nodes.yaml"
    nodes.write_text("check: {dockr: [tcp://127.0.0.1:1]}")

    assert main(["nightly", "--matrix", str(matrix), "--nodes", str(nodes), "--list"]) == 2

    told = f"{nodes}: check.dockr: the matrix has no such engine; name one of docker\n"
    assert capsys.readouterr().err.endswith(told)


def test_a_matrix_that_is_not_there_is_a_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "--matrix", str(tmp_path / "nowhere.yaml"), "--list"]) == 2

    assert "nowhere.yaml: cannot be read" in capsys.readouterr().err
