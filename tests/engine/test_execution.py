from __future__ import annotations

import pytest

from image_harness.engine.execution import CommandResult, never_started

NO_SHELL = (
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: missing'
)


@pytest.mark.parametrize(
    ("exit_code", "stdout", "pid", "expected"),
    [
        pytest.param(126, NO_SHELL, 0, True, id="the engine's words"),
        pytest.param(126, "no users found", 0, True, id="an unknown user"),
        pytest.param(127, "", 0, True, id="no words at all, and no process"),
        pytest.param(127, NO_SHELL, 4711, False, id="a program that says the same, and had a PID"),
        pytest.param(127, "my own words", 0, False, id="a program's words, from an engine that forgets PIDs"),
        pytest.param(1, NO_SHELL, 0, False, id="an exit code that engines do not give"),
        pytest.param(0, "", 0, False, id="success"),
    ],
)
def test_a_command_that_never_began_is_told_from_one_that_failed(
    exit_code: int, stdout: str, pid: int, expected: bool
) -> None:
    assert never_started(CommandResult(exit_code, stdout, ""), pid=pid) is expected
