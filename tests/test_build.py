"""What the build command of a repository is taken to have said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from image_harness.build import build, is_stale
from image_harness.errors import HarnessError


def asked(program: str, folder: Path) -> bool:
    return is_stale([sys.executable, "-c", program], root=folder, environment={})


@pytest.mark.parametrize(("code", "stale"), [(0, True), (1, False)])
def test_a_command_that_says_so_is_believed(code: int, stale: bool, tmp_path: Path) -> None:
    assert asked(f"import sys; print('it is'); sys.exit({code})", tmp_path) is stale


@pytest.mark.parametrize("program", ["1 / 0", "import sys; sys.exit(1)", "import sys; sys.exit(2)"])
def test_a_command_that_fails_does_not_say_that_the_image_is_up_to_date(program: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"^build: (ZeroDivisionError: division by zero|exit code [12])$"):
        asked(program, tmp_path)


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"^\./build: cannot run the build: No such file or directory$"):
        is_stale(["./build"], root=tmp_path, environment={})
    with pytest.raises(HarnessError, match=r"^\./build: cannot run the build: No such file or directory$"):
        build(["./build"], root=tmp_path, environment={})
