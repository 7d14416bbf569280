"""Nights of cells whose builds and checks only note what they were told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from image_harness.history.store import Store
from image_harness.nightly.matrix import Matrix, load_matrix
from image_harness.nightly.runner import Runner
from image_harness.report.json import render_json
from image_harness.types import Status
from tests.report.generate import check, good_report, report, requirement

MATRIX = """
engines: {docker: {}, podman: {}}
emulations: {distribution: {runner: any}}
bases: {pinned: {needs: pins, options: [--bases, upstream]}, stand-in: {needs: archive, options: [--bases, stand-in]}}
services:
  one:
    build: [build.py]
    images:
      pinned: &image {reference: "one:tag", design: one.yaml, dockerfile: Dockerfile}
      stand-in: *image
"""
ENGINES = {"docker": ("unix:///first.sock",), "podman": ("unix:///second.sock",)}


class Noting(Runner):
    """Runs nothing."""

    does: Callable[[Sequence[str]], int]

    def _call(self, command: Sequence[str], log: Any, **_: str) -> int:  # noqa: ANN401, ARG002 - as it is called
        return self.does(command)


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    (tmp_path / "nightly.yaml").write_text(MATRIX)
    return load_matrix(tmp_path / "nightly.yaml")


def run(matrix: Matrix, folder: Path, does: Callable[[Sequence[str]], int]) -> list[str]:
    """The cells that a night has kept."""
    runner = Noting(folder, matrix, folder / "out", date(2026, 3, 1), lambda _: None, build_engine=ENGINES["docker"][0])
    runner.does = does
    with Store(str(folder / "history.sqlite"), create=True) as store:
        with contextlib.suppress(KeyboardInterrupt):
            runner.run(matrix.cells, ENGINES, store)
        return [kept.cell for kept in store.runs()]


def test_a_cell_checks_what_was_built_on_its_bases_and_nobody_else_takes_its_name(
    matrix: Matrix, tmp_path: Path
) -> None:
    made: dict[str, str] = {}
    checked: dict[str, str] = {}
    noting = threading.Lock()

    def note(command: Sequence[str]) -> int:
        with noting:
            if "--tag" in command:
                reference = command[command.index("--tag") + 1]
                assert reference not in made
                made[reference] = command[command.index("--bases") + 1]
            if "--image" in command:
                cell = Path(command[command.index("--report") + 1]).name
                checked[cell] = made[command[command.index("--image") + 1]]
        return 0

    run(matrix, tmp_path, note)

    assert checked == {
        "one.docker.distribution.pinned": "upstream",
        "one.docker.distribution.stand-in": "stand-in",
        "one.podman.distribution.pinned": "upstream",
        "one.podman.distribution.stand-in": "stand-in",
    }


def test_an_interrupted_night_begins_no_other_cell_and_keeps_none_that_was_cut_off(
    matrix: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    interrupted = threading.Event()

    def work(command: Sequence[str]) -> int:
        if "--image" in command:
            begun.append(command[command.index("--report") + 1])
            interrupted.set()
            return -2
        return 0

    def interrupt(_: object, *__: object) -> None:
        interrupted.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.result", interrupt)

    assert run(matrix, tmp_path, work) == []
    assert 1 <= len(begun) <= len(ENGINES)


def test_the_report_of_an_earlier_try_is_not_taken_for_this_ones(matrix: Matrix, tmp_path: Path) -> None:
    cell = matrix.chosen(("one.docker.distribution.pinned",))[0]
    left = tmp_path / "out" / cell.name / "report.json"
    left.parent.mkdir(parents=True)
    left.write_text(render_json(good_report()), "utf-8")
    said: list[str] = []
    runner = Noting(tmp_path, matrix, tmp_path / "out", date(2026, 3, 1), said.append)
    runner.does = lambda _: 0

    with Store(str(tmp_path / "history.sqlite"), create=True) as store:
        (outcome,) = runner.run([cell], {"docker": ("docker",)}, store)
        assert [kept.verdict for kept in store.runs()] == [Status.UNPROVEN]

    assert "No such file" in outcome.run.absence
    assert said[-1].startswith(f"{cell.name}: UNPROVEN in 0 s: ")


def test_what_came_of_a_cell_is_said_in_numbers(matrix: Matrix, tmp_path: Path) -> None:
    cell = matrix.chosen(("one.docker.distribution.pinned",))[0]
    said: list[str] = []
    made = report(
        requirement("a", check("x")), requirement("b", check("y", retries=2)), requirement("c", selected=False)
    )

    def write(command: Sequence[str]) -> int:
        if "--report" in command:
            Path(command[command.index("--report") + 1], "report.json").write_text(render_json(made), "utf-8")
        return 0

    runner = Noting(tmp_path, matrix, tmp_path / "out", date(2026, 3, 1), said.append)
    runner.does = write
    with Store(str(tmp_path / "history.sqlite"), create=True) as store:
        runner.run([cell], {"docker": ("docker",)}, store)

    assert said[-1].startswith(f"{cell.name}: UNPROVEN in 0 s: 1 of 2 met, retried 2; ")
