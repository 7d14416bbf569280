from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.history.model import Run
from image_harness.history.store import Store

from .generate import night, run


def test_runs_come_back_as_they_were_added(where: str) -> None:
    runs = [run(0), run(1, "mnU-"), run(1, "mmmm", cell="podman", image=None)]
    with Store(where, create=True) as store:
        assert store.add(runs) == 3

    with Store(where) as store:
        assert store.runs() == [replace(one, findings={}) for one in runs]
        assert store.findings(runs[1]) == runs[1].findings
        assert store.findings(runs[0]) == {}


def test_a_run_without_a_report_comes_back(where: str) -> None:
    absent = Run.absent("docker", night(0), reason="the build failed", now=datetime.now(UTC))
    with Store(where, create=True) as store:
        store.add([absent])
        assert store.runs() == [absent]


def test_the_same_report_is_kept_once_a_cell(where: str) -> None:
    with Store(where, create=True) as store:
        assert store.add([run(0, "mnmm")]) == 1
        assert store.add([run(0, "mnmm"), replace(run(0, "mnmm"), cell="podman")]) == 1
        assert [one.cell for one in store.runs()] == ["docker", "podman"]


def test_runs_are_ordered_by_night_cell_and_start(where: str) -> None:
    with Store(where, create=True) as store:
        store.add([run(2), run(0, cell="b"), run(0, cell="a", hour=3), run(0, cell="a", hour=2)])
        found = [(one.night, one.cell, one.started.hour) for one in store.runs()]
    assert found == sorted(found)


def test_nothing_of_a_batch_is_kept_when_one_of_it_fails(where: str) -> None:
    def batch() -> object:
        yield run(0)
        raise HarnessError("stop")

    with Store(where, create=True) as store:
        with pytest.raises(HarnessError):
            store.add(batch())  # type: ignore[arg-type]
        assert store.runs() == []


def test_jobs_that_end_together_all_get_their_run_in(where: str) -> None:
    Store(where, create=True).__exit__(None, None, None)
    failures: list[Exception] = []

    def job(number: int) -> None:
        try:
            with Store(where, create=True) as store:
                store.add([run(0, "mnmm", cell=f"cell-{number}")])
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the finding
            failures.append(error)

    jobs = [threading.Thread(target=job, args=(number,)) for number in range(8)]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join()
    with Store(where) as store:
        assert (failures, len(store.runs())) == ([], 8)


def test_a_history_of_another_version_is_refused(where: str) -> None:
    with Store(where, create=True) as store, store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE history_schema SET version = 99")

    with pytest.raises(HarnessError, match="schema 99, this version knows schema 1"):
        Store(where)


def test_a_mistyped_name_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.sqlite"

    with pytest.raises(HarnessError, match="no such history"):
        Store(str(path))

    assert not path.exists()


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, however long it may be\n" * 100)

    with pytest.raises(HarnessError, match="file is not a database"):
        Store(str(path))


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    sqlite3.connect(path).execute("CREATE TABLE something (id INTEGER)").connection.close()

    with pytest.raises(HarnessError, match="no history of runs"):
        Store(str(path))


def test_verdicts_that_do_not_fit_their_requirements_are_damage(where: str) -> None:
    with Store(where, create=True) as store:
        store.add([run(0)])
        with store._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE history_run SET statuses = 'mm'")
        with pytest.raises(HarnessError, match="damaged: 2 verdicts on 4 requirements"):
            store.runs()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("verdict", "fine"),
        ("night", "tonight"),
        ("started", "early"),
        ("statuses", "mxmm"),
        ("statuses", 7),
        ("catalogue", "sha256:0"),
        ("manifest", "sha256:0"),
        ("size", "large"),
        ("packages", -1),
        ("retries", "often"),
        ("suite_seconds", "long"),
        ("boot_seconds", 1e300),
    ],
)
def test_what_no_harness_wrote_is_damage(column: str, value: object, tmp_path: Path) -> None:
    with Store(str(tmp_path / "history.sqlite"), create=True) as store:
        store.add([run(0)])
        with store._engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE history_run SET {column} = ?", (value,))
        with pytest.raises(HarnessError, match="the history is damaged: "):
            store.runs()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://host/history", "no history can be kept in mysql"),
        ("://", "not a database's URL"),
        ("postgresql://me:secret@127.0.0.1:1/history", "the history cannot be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_in_one_line_without_its_password(url: str, words: str) -> None:
    with pytest.raises(HarnessError) as caught:
        Store(url)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_greatest_numbers_of_a_report_have_room(where: str) -> None:
    most = 2**63 - 1
    with Store(where, create=True) as store:
        store.add([replace(run(0), size=most, packages=most, retries=most)])

        assert [(found.size, found.packages, found.retries) for found in store.runs()] == [(most, most, most)]


def test_jobs_that_are_the_first_ones_at_once_all_keep_their_runs(new_place: Callable[[], str]) -> None:
    for _ in range(10):
        where = new_place()
        together, failures = threading.Barrier(6), list[BaseException]()

        def add(name: str, where: str = where, together: threading.Barrier = together) -> None:
            together.wait()
            try:
                with Store(where, create=True) as store:
                    store.add([run(0, cell=name)])
            except HarnessError as error:
                failures.append(error)  # noqa: B023 - all have ended before there is another list

        jobs = [threading.Thread(target=add, args=(f"cell{job}",)) for job in range(6)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        assert failures == []
        with Store(where) as store:
            assert len(store.runs()) == 6
