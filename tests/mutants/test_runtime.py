"""Which images are checked, and which of them first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from image_harness.mutants import Mutant, behaviour, runtime
from image_harness.mutants.model import Sighting

Batch = tuple[str, list[Mutant]]


def mutant(id_: str, *, patient: bool = False, checks: tuple[str, ...] = ("one.py",)) -> Mutant:
    return behaviour(id_, "does nothing", id_, lambda _draft: None, patient=patient, checks=checks)


def looked_at(names: dict[str, list[Mutant]], look: Any, patch: pytest.MonkeyPatch) -> dict[str, Sighting]:  # noqa: ANN401 - as it is called
    patch.setattr(runtime, "_look", lambda *values: look(values[-1]))
    jobs = runtime.jobs(cast("Any", None), names, engine="docker", bytecode=Path(), progress=lambda _name: None)
    return {name: job() for name, job in jobs.items()}


def test_each_batch_has_what_was_seen_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"one": [mutant("a")], "two": [mutant("b"), mutant("c")]}
    seen = looked_at(names, lambda batch: Sighting(not_met={batch[0]: ""}), monkeypatch)
    assert {name: set(sighting.not_met) for name, sighting in seen.items()} == {name: {name} for name in names}


def test_all_checks_come_first_then_what_waits_then_the_fullest_image(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def look(batch: Batch) -> Sighting:
        order.append(batch[0])
        return Sighting()

    names = {"one": [mutant("a")], "two": [mutant("b"), mutant("c")], "waits": [mutant("d", patient=True)]}
    names["all"] = [mutant("e", checks=())]
    looked_at(names, look, monkeypatch)
    assert order == ["all", "waits", "two", "one"]
