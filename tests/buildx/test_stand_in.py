from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT

import pytest

from monitor_build.errors import BuildError
from monitor_build.oci import Layout
from monitor_build.process import Interrupted
from monitor_build.recipe import Made, Recipe
from monitor_build.stand_in import StandInStore, exclusive


class Pretend(Recipe):
    """A recipe that takes no time.

    Args:
        file: As in `Recipe`.
        problem: What goes wrong half-way.
    """

    def __init__(self, file: Path, problem: Exception | None = None) -> None:
        super().__init__(file, stands_in_for="upstream:tag")
        self.problem = problem
        self.times = 0

    def make(self, layout: Layout, workshop: Path) -> Made:
        self.times += 1
        (workshop / "half").write_text("half")
        (layout.directory / "half").write_text("half")
        if self.problem:
            raise self.problem
        return Made(f"sha256:{self.times}", {"libc6": "2.36"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "base.toml"
    file.write_text("packages = []\n")
    return file


@pytest.fixture
def store(tmp_path: Path) -> StandInStore:
    return StandInStore(tmp_path / "bases", lambda _line: None)


def kept(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "bases").iterdir()} - {"lock"}


def test_stand_in_is_made_once(file: Path, store: StandInStore) -> None:
    recipe = Pretend(file)

    first, second = store.get(recipe), store.get(recipe)

    assert first == second
    assert recipe.times == 1
    assert first.context == f"oci-layout://{first.directory}@sha256:1"
    assert first.packages == {"libc6": "2.36"}


def test_stand_in_of_a_changed_recipe_takes_the_old_ones_place(file: Path, store: StandInStore, tmp_path: Path) -> None:
    before = store.get(Pretend(file))
    file.write_text("packages = ['more']\n")

    after = store.get(Pretend(file))

    assert after.directory != before.directory
    assert kept(tmp_path) == {after.directory.name}


def test_stand_in_can_be_made_anew(file: Path, store: StandInStore, tmp_path: Path) -> None:
    recipe = Pretend(file)
    store.get(recipe)

    assert store.get(recipe, anew=True).digest == "sha256:2"
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("problem", [BuildError("no network"), Interrupted(SIGINT), KeyboardInterrupt()])
def test_recipe_that_ends_early_leaves_nothing(
    file: Path, store: StandInStore, tmp_path: Path, problem: Exception
) -> None:
    with pytest.raises(type(problem)):
        store.get(Pretend(file, problem))

    assert kept(tmp_path) == set()
    assert store.find(Pretend(file)) is None


def test_recipe_that_fails_leaves_the_stand_in_that_was_there(file: Path, store: StandInStore) -> None:
    before = store.get(Pretend(file))

    with pytest.raises(BuildError):
        store.get(Pretend(file, BuildError("no network")), anew=True)

    assert store.find(Pretend(file)) == before
    assert (before.directory / "half").is_file()


def test_what_a_killed_maker_left_is_cleared_away(file: Path, store: StandInStore, tmp_path: Path) -> None:
    (tmp_path / "bases" / ".making-dead" / "workshop").mkdir(parents=True)

    store.get(Pretend(file))

    assert not (tmp_path / "bases" / ".making-dead").exists()


def test_unreadable_record_is_told_with_what_to_do(file: Path, store: StandInStore) -> None:
    made = store.get(Pretend(file))
    (made.directory / "stand-in.json").write_text("{")

    with pytest.raises(BuildError, match=r"stand-in\.json: unreadable: .*; remove that folder"):
        store.find(Pretend(file))


def test_second_user_of_a_lock_waits_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    got = threading.Event()

    def second(say: Callable[[str], None]) -> None:
        with exclusive(tmp_path / "lock", say):
            got.set()

    with exclusive(tmp_path / "lock", said.append):
        thread = threading.Thread(target=second, args=(said.append,))
        thread.start()
        assert not got.wait(0.3)
    assert got.wait(5)
    thread.join()
    assert said == [f"Waiting for another build in {tmp_path}"]
