"""Images are checked side by side; one whose checks wait for time limits keeps no other from its turn."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from image_harness.errors import HarnessError
from image_harness.mutants import Mutant, behaviour, runtime
from image_harness.mutants.model import Sighting

SOON = 60


def mutant(id_: str, *, patient: bool = False) -> Mutant:
    return behaviour(id_, "does nothing", id_, lambda _draft: None, patient=patient)


def looked_at(names: dict[str, list[Mutant]], look: Any, patch: pytest.MonkeyPatch) -> dict[str, Sighting]:  # noqa: ANN401 - as it is called
    patch.setattr(runtime, "_look", look)
    return runtime.sightings(cast("Any", None), names, engine="docker", at_once=1, progress=lambda _name: None)


def test_what_waits_has_a_turn_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    others_are_done = threading.Event()

    def look(_good: object, _engine: str, _progress: object, batch: tuple[str, list[Mutant]]) -> Sighting:
        if batch[0] == "waits":
            assert others_are_done.wait(SOON)
        if batch[0] == "last":
            others_are_done.set()
        return Sighting(not_met={batch[0]: ""})

    names = {"waits": [mutant("waits", patient=True)], "last": [mutant("last")], "first": [mutant("a"), mutant("b")]}
    seen = looked_at(names, look, monkeypatch)
    assert {name: set(sighting.not_met) for name, sighting in seen.items()} == {name: {name} for name in names}


def test_two_that_wait_do_so_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def look(_good: object, _engine: str, _progress: object, _batch: object) -> Sighting:
        both.wait(SOON)
        return Sighting()

    names = {name: [mutant(name, patient=True)] for name in ("one", "two")}
    assert set(looked_at(names, look, monkeypatch)) == set(names)


def test_the_fullest_image_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def look(_good: object, _engine: str, _progress: object, batch: tuple[str, list[Mutant]]) -> Sighting:
        order.append(batch[0])
        return Sighting()

    looked_at({"one": [mutant("a")], "two": [mutant("b"), mutant("c")]}, look, monkeypatch)
    assert order == ["two", "one"]


def test_a_run_that_fails_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_good: object, _engine: str, _progress: object, _batch: object) -> Sighting:
        raise HarnessError("no report")

    with pytest.raises(HarnessError, match="no report"):
        looked_at({"one": [mutant("a")], "two": [mutant("b", patient=True)]}, look, monkeypatch)
