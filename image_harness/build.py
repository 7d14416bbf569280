"""Asks a repository's build command whether its image is stale, and has it built.

The contract of the command: with ``--is-stale`` it exits 0 when a build is needed and 1 when the image in the engine
is up to date, and says so in a line on stdout; without it, it builds and shows its own progress. Any other exit code,
or a failed build, is an error that the command has already explained.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from image_harness.errors import HarnessError

_STALE = 0
_UP_TO_DATE = 1


def is_stale(command: Sequence[str], *, root: Path, environment: Mapping[str, str]) -> bool:
    """Ask whether the image must be built.

    Args:
        command: The build command.
        root: The repository's root, where it runs.
        environment: Variables on top of the process's own (the engine's URL).

    Raises:
        HarnessError: The command could not tell, its last line says why; or it does not exist.
    """
    done = _run([*command, "--is-stale"], root, environment, capture=True)
    if done.returncode == _STALE:
        return True
    # An interpreter that fails ends with the same code, and says so elsewhere.
    if done.returncode == _UP_TO_DATE and done.stdout.strip():
        return False
    lines = (done.stderr or done.stdout).strip().splitlines()
    raise HarnessError(lines[-1] if lines else f"exit code {done.returncode}", where="build")


def build(command: Sequence[str], *, root: Path, environment: Mapping[str, str]) -> None:
    """Build the image; the command's output goes where this process's goes.

    Raises:
        HarnessError: The build failed, or the command does not exist.
    """
    done = _run(command, root, environment, capture=False)
    if done.returncode != 0:
        raise HarnessError(
            f"the image was not built (exit code {done.returncode})",
            where=" ".join(command),
            fix="see the log above, or check another image with --image",
        )


def _run(
    command: Sequence[str], root: Path, environment: Mapping[str, str], *, capture: bool
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    try:
        return subprocess.run(command, cwd=root, env=variables, capture_output=capture, text=True, check=False)
    except OSError as error:
        raise HarnessError(f"cannot run the build: {error.strerror}", where=command[0]) from error
