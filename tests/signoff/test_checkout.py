from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.checkout import Checkout
from tests.signoff.made import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    git(root, "init", "-q")
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / ".gitignore").write_text(".build/\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_a_clean_checkout_is_its_commit(repository: Path) -> None:
    git(repository, "tag", "v1.0.0")
    checkout = Checkout.read(repository)

    assert checkout.commit == git(repository, "rev-parse", "HEAD")
    assert checkout.tags == ("v1.0.0",)
    assert checkout.changes == ()


def test_every_kind_of_change_is_seen(repository: Path) -> None:
    (repository / "Dockerfile").write_text("FROM debian\n")
    (repository / "new file").write_text("")
    (repository / ".build").mkdir()
    (repository / ".build" / "ignored").write_text("")

    assert set(Checkout.read(repository).changes) == {"Dockerfile", "new file"}

    git(repository, "mv", "-f", "Dockerfile", "Containerfile")
    assert {"Dockerfile", "Containerfile"} <= set(Checkout.read(repository).changes)


def test_what_is_written_beside_does_not_count(repository: Path) -> None:
    out = repository / "out"
    out.mkdir()
    (out / "report.json").write_text("")

    assert Checkout.read(repository).changes == ("out/report.json",)
    assert Checkout.read(repository, leaving_out=out).changes == ()


def test_what_is_committed_counts_wherever_results_are_written(repository: Path) -> None:
    (repository / "Dockerfile").write_text("FROM debian\n")
    (repository / "report.json").write_text("")

    assert Checkout.read(repository, leaving_out=repository).changes == ("Dockerfile",)
    assert Checkout.read(repository, leaving_out=repository.parent).changes == ("Dockerfile",)


def test_a_link_into_the_results_is_not_one_of_them(repository: Path) -> None:
    out = repository / "out"
    out.mkdir()
    (out / "module.py").write_text("")
    (repository / "module.py").symlink_to("out/module.py")

    assert Checkout.read(repository, leaving_out=out).changes == ("module.py",)


def test_a_subfolder_of_a_checkout_leaves_out_its_own_results(repository: Path) -> None:
    root = repository / "images"
    for folder in (root / "out", repository / "out"):
        folder.mkdir(parents=True)
        (folder / "report.json").write_text("")

    assert Checkout.read(root, leaving_out=root / "out").changes == ("out/report.json",)


def test_a_name_that_is_not_utf_8_is_a_change_like_any_other(repository: Path) -> None:
    (repository / os.fsdecode(b"caf\xe9")).write_text("")

    assert Checkout.read(repository).changes == (os.fsdecode(b"caf\xe9"),)


def test_a_checkout_that_git_cannot_compare_is_not_taken_for_a_clean_one(repository: Path) -> None:
    os.truncate(repository / ".git" / "index", 20)

    with pytest.raises(HarnessError, match=r"git status fails: .*index.*; mend the checkout"):
        Checkout.read(repository)


def test_tags_that_git_cannot_tell_are_not_taken_for_none(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "bin" / "git"
    failing.parent.mkdir()
    failing.write_text(f'#!/bin/sh\n[ "$2" != tag ] || exit 128\nexec {shutil.which("git")} "$@"\n')
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", str(failing.parent), prepend=os.pathsep)

    with pytest.raises(HarnessError, match="git tag fails"):
        Checkout.read(repository)


def test_files_are_fingerprinted_as_the_commit_has_them(repository: Path) -> None:
    (repository / "Dockerfile").write_text("FROM debian\n")

    assert Checkout.read(repository).fingerprints(["Dockerfile", "none"]) == {
        "Dockerfile": hashlib.sha256(b"FROM scratch\n").hexdigest(),
        "none": None,
    }


def test_a_checkout_stays_the_commit_that_was_looked_at(repository: Path) -> None:
    checkout = Checkout.read(repository)
    (repository / "Dockerfile").write_text("FROM debian\n")
    git(repository, "commit", "-q", "-a", "-m", "second")

    assert checkout.fingerprints(["Dockerfile"]) == {"Dockerfile": hashlib.sha256(b"FROM scratch\n").hexdigest()}


def test_a_folder_of_its_own_has_no_commit(tmp_path: Path) -> None:
    assert Checkout.read(tmp_path) == Checkout(tmp_path, None)


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(HarnessError, match="there is no git on this machine; install git"):
        Checkout.read(tmp_path)


def test_git_changes_nothing_by_looking(repository: Path) -> None:
    index = (repository / ".git" / "index").stat().st_mtime_ns
    (repository / "Dockerfile").touch()
    Checkout.read(repository)

    assert (repository / ".git" / "index").stat().st_mtime_ns == index
    assert subprocess.run(["git", "status"], cwd=repository, check=True, capture_output=True).returncode == 0
