"""Made-up runs for the tests of the history."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

from image_harness.history.model import Catalogue, Run
from image_harness.types import Digest, Status

IDS = ("user.config", "labels.title", "health.test", "size.image")
FIRST = date(2026, 3, 1)


def digest(seed: object) -> Digest:
    """A digest that depends on the seed alone."""
    return Digest("sha256:" + hashlib.sha256(repr(seed).encode()).hexdigest())


def night(number: int) -> date:
    """The night with a number; 0 is the first."""
    return FIRST + timedelta(days=number)


def run(
    number: int,
    statuses: str = "mmmm",
    *,
    cell: str = "docker",
    image: object = "image",
    design: object = "design",
    ids: tuple[str, ...] = IDS,
    hour: int = 1,
) -> Run:
    """A run of a night, in the characters of `image_harness.history.codes`."""
    bad = {id_: f"{id_} is wrong" for id_, code in zip(ids, statuses, strict=True) if code not in "m-"}
    lower = statuses.lower()
    verdict = Status.NOT_MET if "n" in lower else Status.UNPROVEN if bad or not lower.strip("-") else Status.MET
    return Run(
        night=night(number),
        cell=cell,
        started=datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=number),
        verdict=verdict,
        report=digest((number, cell, hour, statuses, str(image))),
        reference="docker-daemon:example:latest",
        manifest=None if image is None else digest(image),
        design="example",
        design_digest=digest(design),
        harness="1.0",
        engine="Docker 26.1.5",
        emulated=True,
        bases="stand-in",
        retries=sum(code.isupper() for code in statuses),
        catalogue=Catalogue(ids),
        statuses=statuses,
        suite=timedelta(seconds=61.5 + number),
        boot=timedelta(seconds=4.25),
        size=120 << 20,
        packages=75 + number,
        findings=bad,
    )
