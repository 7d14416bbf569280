"""Runs all checks of a repository, the slow ones included, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image_harness.errors import HarnessError
from image_harness.report import RunReport, load_report

#: Selects every check; without it the plugin leaves the slow ones out.
EVERYTHING: Final = "release or not release"
_TESTS_FAILED: Final = 1
#: Options in the environment could leave checks out.
_REMOVED: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: its report and pytest's exit code."""

    report: RunReport
    exit_code: int


def run_checks(root: Path, checks: Path, *, image: str, engine: str, out: Path, quiet: bool) -> Run:
    """Run every check.

    Args:
        root: The repository's root.
        checks: The folder of the checks.
        image: The image, transport included; it is never built.
        engine: The container engine, as ``--engine`` takes it.
        out: Where the reports go.
        quiet: Keep pytest's output in ``pytest.log`` instead of showing it.

    Raises:
        HarnessError: The run did not come to an end, so there is no verdict.
    """
    command = [sys.executable, "-m", "pytest", str(checks), "-m", EVERYTHING, "--rootdir", str(root)]
    command += ["--image", image, "--engine", engine, "--report", str(out)]
    environment = {name: value for name, value in os.environ.items() if name not in _REMOVED}
    if quiet:
        log = out / "pytest.log"
        with log.open("wb") as file:
            code = subprocess.run(
                command, cwd=root, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
            ).returncode
        hint = f"see {log}"
    else:
        code = subprocess.run(command, cwd=root, env=environment, check=False).returncode
        hint = "see above"
    if code not in (0, _TESTS_FAILED):
        raise HarnessError(
            f"the checks did not come to an end (pytest's exit code {code})", where=str(checks), fix=hint
        )
    return Run(load_report(out / "report.json"), code)
