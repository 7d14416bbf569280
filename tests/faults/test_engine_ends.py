"""The engine itself is started again, or has no more room, in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from image_harness.engine import Engine
from tests.faults.conftest import Ground, prepared
from tests.faults.injection import Moment
from tests.faults.own_engine import OwnEngine, own_engine
from tests.faults.runs import require_well_ended

pytestmark = [pytest.mark.engine(image=False), pytest.mark.slow, pytest.mark.timeout(600)]
_SHARED = "checks/test_shared.py"
# These two are so in the bad image as well.
_RIGHT_IN_BOTH = {"shared.answers", "shared.health-first"}


@dataclass(frozen=True)
class Own:
    """An engine of these tests alone, with the images."""

    engine: OwnEngine
    ground: Ground


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> Iterator[Own]:
    with (
        own_engine(Path(mkdtemp(prefix="own-"))) as engine,
        prepared(engine.url, tmp_path_factory.mktemp("own"), data, engine.prefix) as ground,
    ):
        yield Own(engine, ground)


@pytest.mark.parametrize(
    ("call", "nth"),
    [
        ("GET /images/{name}/get", 1),
        ("GET /containers/{id}/json", 4),
        ("POST /containers/{id}/exec", 2),
        ("DELETE /containers/{id}", 2),
    ],
    ids=["image", "boot", "checks", "teardown"],
)
def test_an_engine_that_is_started_again_proves_nothing(own: Own, call: str, nth: int) -> None:
    run = own.ground.run(own.ground.bad, _SHARED, moment=Moment(call, nth, lambda *_: own.engine.restart()))
    assert run.injected
    require_well_ended(run.outcome)
    assert run.outcome.exit_code != 0
    assert run.outcome.of("met") <= _RIGHT_IN_BOTH


def test_a_good_image_is_not_blamed_for_an_engine_that_is_started_again(own: Own) -> None:
    moment = Moment("POST /containers/{id}/exec", 2, lambda *_: own.engine.restart())
    run = own.ground.run(own.ground.good, _SHARED, moment=moment)
    require_well_ended(run.outcome)
    assert run.outcome.exit_code == 1
    assert run.outcome.of("not-met") == set(), run.outcome.messages
    lost = " ".join(run.outcome.messages[name] for name in run.outcome.of("unproven"))
    assert "the container does not run" in lost or "does not run" in lost


@pytest.mark.parametrize("good", [False, True], ids=["bad", "good"])
@pytest.mark.parametrize(
    ("call", "nth"),
    [
        ("POST /containers/create", 1),
        ("POST /containers/{id}/start", 1),
        ("GET /containers/{id}/json", 4),
        ("POST /containers/{id}/exec", 1),
        ("DELETE /containers/{id}", 2),
    ],
    ids=["creation", "start", "boot", "checks", "teardown"],
)
def test_no_room_for_what_containers_write_proves_nothing(own: Own, call: str, nth: int, good: bool) -> None:
    small = own.ground.good if good else own.ground.bad
    try:
        run = own.ground.run(small, _SHARED, moment=Moment(call, nth, lambda *_: own.engine.fill()))
    finally:
        own.engine.empty()
    assert run.injected
    require_well_ended(run.outcome)
    if good:
        assert run.outcome.of("not-met") == set(), run.outcome.messages
        assert bool(run.outcome.exit_code) == bool(run.outcome.of("unproven"))
    else:
        assert run.outcome.exit_code == 1
        assert run.outcome.of("met") <= _RIGHT_IN_BOTH


def test_what_an_engine_would_not_remove_is_told_and_removed_by_the_next_run(own: Own) -> None:
    with Engine.connect(own.engine.url) as engine:
        assert engine.remove_leftovers() == 0
