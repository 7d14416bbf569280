"""A run's temporary folders are gone when it ends, and when it was killed, with the next run."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from image_harness.engine.ownership import RunIdentity
from image_harness.mutants.folders import own_folder, remove_leftover_folders


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def dead() -> RunIdentity:
    """A process whose PID is another's now."""
    here = RunIdentity.current()
    return replace(here, started=here.started + 1)


def folder_of(owner: RunIdentity, place: Path) -> Path:
    folder = place / f"image-harness-mutant-{owner.tag('a')}"
    (folder / "image").mkdir(parents=True)
    (folder / "image" / "index.json").write_text("{}")
    return folder


def test_a_folder_is_its_owners_alone_and_removed_at_the_end(place: Path) -> None:
    with own_folder() as folder, own_folder() as other:
        assert folder != other
        assert folder.parent == place
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "inside").mkdir()
        (folder / "inside" / "file").write_text("x")
    assert list(place.iterdir()) == []


def test_a_folder_in_use_stays(place: Path) -> None:
    with own_folder() as folder:
        assert remove_leftover_folders() == 0
        assert list(place.iterdir()) == [folder]


def test_those_of_dead_runs_of_this_machine_are_removed_and_no_others(place: Path, dead: RunIdentity) -> None:
    gone = [folder_of(owner, place) for owner in (dead, replace(dead, boot="earlier"))]
    stays = [folder_of(owner, place) for owner in (RunIdentity.current(), replace(dead, host="elsewhere"))]
    stays += [place / "image-harness-mutant-abc", place / f"other-{dead.tag('a')}"]
    for folder in stays[2:]:
        folder.mkdir()
    assert remove_leftover_folders() == len(gone)
    assert sorted(place.iterdir()) == sorted(stays)


def test_what_is_no_folder_stays(place: Path, dead: RunIdentity, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "file").write_text("x")
    linked, file = (place / f"image-harness-mutant-{dead.tag(name)}" for name in "ab")
    linked.symlink_to(elsewhere)
    file.write_text("x")
    assert remove_leftover_folders() == 0
    assert sorted(place.iterdir()) == [linked, file]
    assert list(elsewhere.iterdir()) == [elsewhere / "file"]


def test_those_of_another_user_stay(place: Path, dead: RunIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(dead, place)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
        assert remove_leftover_folders() == 0
    assert remove_leftover_folders() == 1
