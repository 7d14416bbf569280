"""How long the trend page of a large history takes, and how large it gets.

Prints numbers and judges nothing: ``python -m benchmarks trend [--nights N] [--cells N] [--requirements N]``.
The history is made up: an image a week, a requirement that breaks now and then for some nights, two that cannot make up
their mind, and cells that are missing now and then.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from image_harness.history.model import Catalogue, Run
from image_harness.history.store import Store
from image_harness.types import Digest, Status

_FIRST = date(2024, 1, 1)
_FLAKY = ("requirement.7", "requirement.11")


def made_up_runs(nights: int, cells: int, requirements: int, *, seed: int = 1) -> Iterator[Run]:
    """Yield the runs of a made-up history, night by night."""
    chance = random.Random(seed)
    catalogue = Catalogue(tuple(f"requirement.{number}" for number in range(requirements)))
    broken: dict[tuple[int, int], int] = {}
    for night in range(nights):
        for cell in range(cells):
            if chance.random() < 0.02:
                continue
            if chance.random() < 0.02:
                broken[cell, chance.randrange(requirements)] = night + chance.randint(1, 12)
            broken = {key: until for key, until in broken.items() if until > night}
            yield _run(chance, night, cell, catalogue, {number for place, number in broken if place == cell})


def _run(chance: random.Random, night: int, cell: int, catalogue: Catalogue, broken: set[int]) -> Run:
    codes = ["n" if number in broken else "m" for number in range(len(catalogue.ids))]
    for id_ in _FLAKY:
        if id_ in catalogue.ids and chance.random() < 0.01:
            codes[catalogue.ids.index(id_)] = chance.choice("nuU")
    bad = {catalogue.ids[place]: "assert 1 == 2" for place, code in enumerate(codes) if code != "m"}
    week = night // 7
    return Run(
        night=_FIRST + timedelta(days=night),
        cell=f"engine-{cell % 2}.emulation-{cell // 2 % 2}.bases-{cell // 4}",
        started=datetime(2024, 1, 1, 1, 30, tzinfo=UTC) + timedelta(days=night, seconds=cell),
        verdict=Status.NOT_MET if "n" in codes else Status.UNPROVEN if bad else Status.MET,
        report=_digest((night, cell)),
        reference="docker-daemon:example:latest-arm64",
        manifest=_digest((week, cell // 4)),
        config=_digest((week, "config")),
        design="example",
        design_digest=_digest(night // 200),
        harness="1.0",
        engine="Docker 26.1.5",
        emulated=True,
        bases="upstream",
        retries="".join(codes).count("U"),
        catalogue=catalogue,
        statuses="".join(codes),
        suite=timedelta(seconds=chance.gauss(60 + cell, 4)),
        boot=timedelta(seconds=chance.gauss(4 + cell / 10, 0.3)),
        size=120_000_000 + week * 20_000 + cell * 100_000,
        packages=75 + week // 10,
        findings=bad,
    )


def _digest(seed: object) -> Digest:
    return Digest("sha256:" + hashlib.sha256(repr(seed).encode()).hexdigest())


def main(arguments: Sequence[str]) -> None:
    """Make a history up, write its page in a process of its own, print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--requirements", type=int, default=150)
    parser.add_argument("--store", help="write the history there instead of into a temporary SQLite file")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the page")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        where = options.store or str(Path(folder, "history.sqlite"))
        page = options.keep or Path(folder, "trend.html")
        start = time.monotonic()
        with Store(where, create=True) as store:
            rows = store.add(made_up_runs(options.nights, options.cells, options.requirements))
        print(f"append   {rows} runs, {rows * options.requirements} verdicts: {time.monotonic() - start:.2f} s")
        start = time.monotonic()
        command = [sys.executable, "-m", "image_harness.cli", "trend", "--store", where, "--out", str(page), "-q"]
        subprocess.run(command, check=True)
        print(f"page     {time.monotonic() - start:.2f} s, the whole process")
        print(f"size     {page.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
