"""What the tests of the set-up script share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from tests.setup.machine import SCRIPT, Machine, standard_programs, why_impossible  # noqa: E402 - only now can it be found


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Fail where the kernel gives no make-believe machine."""
    if reason := why_impossible():
        pytest.fail(reason)


@pytest.fixture(scope="session")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The standard programs, for all machines."""
    return standard_programs(tmp_path_factory.mktemp("standard"))


@pytest.fixture
def machine(tmp_path: Path, standard: Path, namespaces: None) -> Machine:  # noqa: ARG001 - a condition, not a value
    """A Debian 12 machine without anything that the script installs."""
    return Machine(tmp_path / "machine", standard)


@pytest.fixture
def call() -> Callable[..., str]:
    """Call one function of the script; give what it printed."""

    def caller(*words: str, given: str = "") -> str:
        done = subprocess.run(
            ["bash", "-c", 'source "$1"; shift; "$@"', "caller", str(SCRIPT), *words],
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.stderr == ""
        return done.stdout

    return caller
