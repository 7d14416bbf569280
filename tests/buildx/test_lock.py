from __future__ import annotations

from pathlib import Path

import pytest

from monitor_build.errors import BuildError
from monitor_build.generation import GENERATIONS
from monitor_build.lock import Lock, Pin, StandInRecord, read_lock, write_lock

DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    lock = Lock(
        {"python:3.11-slim-bookworm": Pin(DIGEST, "2026-01-31T12:00:00Z"), "gcr.io/x/y:latest": None},
        {"distroless": StandInRecord("ab" * 32, {"libstdc++6": "12.2.0-14", "libc6": "2.36-9"})},
    )

    write_lock(tmp_path / "bases.lock", lock)

    assert read_lock(tmp_path / "bases.lock") == lock
    assert [file.name for file in tmp_path.iterdir()] == ["bases.lock"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version = [", "not TOML"),
        ("version = 1 # \xe9", "not TOML: 'utf-8' codec"),
        ("version = 2", "its version is 2, not 1"),
        ('version = 1\n[upstream."a:b"]\ndigest = "sha256:1"', "'sha256:1' is not a digest"),
        ('version = 1\n[stand-in."a"]\nrecipe = "x"', "an entry is not as it should be: 'packages'"),
        ("version = 1\nupstream = 3", "an entry is not as it should be"),
    ],
)
def test_broken_lock_is_told_in_one_line_that_names_the_file(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "bases.lock"
    file.write_text(text, encoding="latin-1")

    with pytest.raises(BuildError) as told:
        read_lock(file)

    assert str(told.value).startswith(f"{file}: ")
    assert problem in str(told.value)
    assert "\n" not in str(told.value)
    assert "--pin" in str(told.value)


def test_missing_lock_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cannot read it \(No such file or directory\); restore it"):
        read_lock(tmp_path / "bases.lock")


def test_repositorys_own_lock_names_both_bases_of_every_generation(repository: Path) -> None:
    lock = read_lock(repository / "buildx" / "bases.lock")

    assert set(lock.upstream) == {name for one in GENERATIONS.values() for name in (one.builder, one.runtime)}
