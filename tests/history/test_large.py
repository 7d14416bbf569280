"""A history of a thousand nights: what the page takes, and how large it gets however bad they were."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest

from benchmarks.trend import made_up_runs
from image_harness.history.model import Run
from image_harness.history.page import render_page
from image_harness.history.store import Store
from image_harness.history.trend import trend_of
from image_harness.types import Status

from .generate import digest

NIGHTS, CELLS, REQUIREMENTS = 1000, 20, 150
LARGEST = 2_000_000


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return list(made_up_runs(NIGHTS, CELLS, REQUIREMENTS))


@pytest.mark.slow
def test_the_page_of_three_million_verdicts_takes_less_than_five_seconds_and_two_megabytes(
    runs: list[Run], tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = str(tmp_path_factory.mktemp("large") / "history.sqlite")
    with Store(where, create=True) as store:
        store.add(runs)

    start = time.process_time()
    with Store(where) as store:
        page = render_page(trend_of(store.runs()), store.findings)

    assert time.process_time() - start < 5
    assert len(page.encode()) < LARGEST


@pytest.mark.slow
def test_the_page_stays_small_when_every_night_is_bad_in_another_way(runs: list[Run]) -> None:
    chance = random.Random(1)
    worst = [
        replace(
            run,
            statuses="".join(chance.choices("mnuU", k=REQUIREMENTS)),
            verdict=Status.NOT_MET,
            manifest=digest("one image"),
            size=chance.randrange(10**8),
            packages=chance.randrange(100),
            findings={},
        )
        for run in runs
    ]

    page = render_page(trend_of(worst), lambda _: dict.fromkeys(worst[0].catalogue.ids, "assert 1 == 2 " * 20))

    assert len(page.encode()) < LARGEST
