from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from monitor_build.errors import BuildError
from monitor_build.process import Interrupted, interruptible, output_of, run_logged


def test_output_is_given_back() -> None:
    assert output_of([sys.executable, "-c", "print('said')"]) == "said\n"


def test_program_that_fails_is_told_by_its_last_line() -> None:
    code = "import sys; print('first', file=sys.stderr); sys.exit('last')"

    with pytest.raises(BuildError, match=r"python\S* -c .*: last$"):
        output_of([sys.executable, "-c", code])


def test_program_that_is_not_installed_is_told(tmp_path: Path) -> None:
    told = r"^no-such-program: no such program; \./qemu-setup\.sh installs"

    with pytest.raises(BuildError, match=told):
        output_of(["no-such-program"])
    with pytest.raises(BuildError, match=told):
        run_logged(["no-such-program"], log=tmp_path / "log", echo=print, environment={})


def test_program_that_takes_too_long_is_told() -> None:
    with pytest.raises(BuildError, match="no answer within 0 s"):
        output_of(["sleep", "20"], timeout=timedelta(seconds=0.1))


def test_lines_are_kept_and_passed_on_with_the_exit_code(tmp_path: Path) -> None:
    said: list[str] = []
    code = "import sys; print('out', flush=True); print('error', file=sys.stderr); sys.exit(7)"

    result = run_logged(
        [sys.executable, "-c", code], log=tmp_path / "new" / "log", echo=said.append, environment=dict(os.environ)
    )

    assert (result, said) == (7, ["out", "error"])
    assert (tmp_path / "new" / "log").read_text() == "out\nerror\n"


def test_line_is_passed_on_while_the_program_still_runs(tmp_path: Path) -> None:
    begun = time.monotonic()
    heard: list[float] = []

    run_logged(
        ["sh", "-c", "echo early; sleep 1"],
        log=tmp_path / "log",
        echo=lambda _line: heard.append(time.monotonic() - begun),
        environment=dict(os.environ),
    )

    assert heard[0] < 0.9


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_the_program_and_what_it_started(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program tidies up on SIGINT; its own child, which pays no attention to it, does not outlive it either."""
    script = f"trap 'echo tidied; exit 130' INT; sleep 300 & echo $! > {tmp_path}/child; echo up; wait"
    pid = os.getpid()
    monkeypatch.setattr("monitor_build.process.GRACE", timedelta(seconds=1))

    def interrupt(line: str) -> None:
        if line == "up":
            os.kill(pid, number)

    with pytest.raises(Interrupted) as stopped, interruptible():
        run_logged(["bash", "-c", script], log=tmp_path / "log", echo=interrupt, environment=dict(os.environ))

    assert stopped.value.exit_code == 128 + number
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


def test_handlers_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with interruptible():
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before


def test_nothing_waits_for_input(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2] / "buildx")!r})
from pathlib import Path
from monitor_build.process import run_logged
print(run_logged(["cat"], log=Path({str(tmp_path)!r}) / "log", echo=print, environment=dict(os.environ)))
"""

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=20, text=True)

    assert done.stdout == "0\n"
