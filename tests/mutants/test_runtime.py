"""Images are checked in turn, and side by side while the processors have time to spare."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from image_harness.errors import HarnessError
from image_harness.mutants import Mutant, behaviour, runtime
from image_harness.mutants.model import Sighting

Batch = tuple[str, list[Mutant]]


def mutant(id_: str, *, patient: bool = False, checks: tuple[str, ...] = ("one.py",)) -> Mutant:
    return behaviour(id_, "does nothing", id_, lambda _draft: None, patient=patient, checks=checks)


def looked_at(names: dict[str, list[Mutant]], look: Any, patch: pytest.MonkeyPatch) -> dict[str, Sighting]:  # noqa: ANN401 - as it is called
    patch.setattr(runtime, "_look", lambda *values: look(values[-1]))
    return runtime.sightings(
        cast("Any", None), names, engine="docker", at_once=1, bytecode=Path(), progress=lambda _name: None
    )


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


def test_nobody_knows_how_busy_an_engine_elsewhere_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    def in_turn(jobs: list[Any], **how: object) -> list[Sighting]:
        told.append(how["spare"])
        return [Sighting() for _ in jobs]

    monkeypatch.setattr(runtime, "in_turn", in_turn)
    for engine in ("tcp://192.0.2.1:2375", "unix:///run/engine.sock"):
        runtime.sightings(cast("Any", None), {}, engine=engine, at_once=1, bytecode=Path(), progress=lambda _name: None)
    assert [spare is None for spare in told] == [True, False]


def test_a_run_that_fails_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_batch: Batch) -> Sighting:
        raise HarnessError("no report")

    with pytest.raises(HarnessError, match="no report"):
        looked_at({"one": [mutant("a")], "two": [mutant("b", patient=True)]}, look, monkeypatch)
