"""Other programs, run so that a failure is one line and Ctrl-C leaves none of them behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

from monitor_build.errors import BuildError

GRACE = timedelta(seconds=20)
"""How long a program gets to tidy up after SIGINT before it is killed."""

Echo = Callable[[str], None]
"""Takes one line of another program's output, without its line end."""


class Interrupted(Exception):  # noqa: N818 - not an error of anyone's making
    """The user, or whoever started us, wants us to stop.

    Args:
        number: The signal that said so.
    """

    def __init__(self, number: signal.Signals) -> None:
        self.number = number
        super().__init__(number.name)

    @property
    def exit_code(self) -> int:
        """What a shell reports of a program that this signal ended."""
        return 128 + self.number.value


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns SIGINT and SIGTERM into `Interrupted` for as long as the block runs."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(number))

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def output_of(
    argv: Sequence[str | Path], *, timeout: timedelta = timedelta(seconds=60), cwd: Path | None = None
) -> str:
    """What a short-running program writes to its standard output.

    Raises:
        BuildError: It is not there, takes too long, or ends with another exit code than 0.
    """
    try:
        done = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout.total_seconds(),
            cwd=cwd,
        )
    except FileNotFoundError:
        raise missing_program(argv[0]) from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"no answer within {timeout.total_seconds():.0f} s", where=command_line(argv)) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise BuildError(
            said[-1].removeprefix("ERROR: ") if said else f"exit code {done.returncode}", where=command_line(argv)
        )
    return done.stdout


def run_logged(
    argv: Sequence[str | Path],
    *,
    log: Path,
    echo: Echo,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    own_terminal: bool = False,
) -> int:
    """Runs a long program, keeps what it says in a file and passes it on line by line while it runs.

    The program gets a process group of its own: Ctrl-C at the terminal reaches it once, through us.

    Args:
        argv: The program and its arguments.
        log: Where its output is kept; written anew.
        echo: Told each line as it comes.
        environment: The program's whole environment.
        cwd: Where it runs.
        own_terminal: Leave the terminal to the program: nothing is echoed, and its log stays empty.

    Returns:
        Its exit code.

    Raises:
        BuildError: There is no such program.
        Interrupted: After the program has been told to stop and has stopped.
    """
    if shutil.which(argv[0]) is None:
        raise missing_program(argv[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=None if own_terminal else subprocess.PIPE,
            stderr=None if own_terminal else subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            cwd=cwd,
            process_group=0,
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                kept.write(line)
                kept.flush()
                echo(line.rstrip("\n"))
            return child.wait()
        except BaseException:
            stop(child)
            raise


def missing_program(program: str | Path) -> BuildError:
    """What is told when a program that a build needs is not installed."""
    return BuildError("no such program", where=str(program), fix="./qemu-setup.sh installs what a build needs")


def stop(child: subprocess.Popen[str]) -> None:
    """Ends a program and what it started: SIGINT first, so that it can tidy up, SIGKILL after `GRACE`."""
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            # communicate() keeps reading: a program with much to say on its way out must not stick at a full pipe.
            child.communicate(timeout=GRACE.total_seconds())
        except subprocess.TimeoutExpired:
            continue


def command_line(argv: Sequence[str | Path]) -> str:
    """The first words of a command, enough to know it by."""
    words = [Path(argv[0]).name, *map(str, argv[1:])]
    return " ".join(words[:4]) + (" ..." if len(words) > 4 else "")
