"""Memory and seconds of a command and what it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from benchmarks.peers import measuring
from benchmarks.peers.selection import VARIABLE

ROOT = Path(__file__).parents[2]
HOLD = "data = b'x' * (64 << 20); import time; time.sleep(0.5)"


def test_memory_of_a_command(tmp_path: Path) -> None:
    small = measuring.run([sys.executable, "-c", "import time; time.sleep(0.5)"], folder=tmp_path)
    large = measuring.run([sys.executable, "-c", HOLD], folder=tmp_path)

    assert small.exit_code == large.exit_code == 0
    assert 60 < large.peak_mib - small.peak_mib < 80


def test_memory_of_what_a_command_starts(tmp_path: Path) -> None:
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}], check=True)"

    assert measuring.run([sys.executable, "-c", starter], folder=tmp_path).peak_mib > 64


def test_memory_of_what_somebody_else_started_counts_by_its_marker(tmp_path: Path) -> None:
    marker, idle = uuid.uuid4().hex, [sys.executable, "-c", "import time; time.sleep(1)"]
    with subprocess.Popen([sys.executable, "-c", HOLD + "; time.sleep(1)", marker]) as elsewhere:
        with_it = measuring.run(idle, folder=tmp_path, marker=marker)
        without = measuring.run(idle, folder=tmp_path)
        elsewhere.terminate()

    assert with_it.peak_mib > 64 > without.peak_mib


def test_output_and_variables(tmp_path: Path) -> None:
    done = measuring.run(["sh", "-c", 'pwd; echo "$NAME" >&2; exit 3'], folder=tmp_path, environment={"NAME": "value"})

    assert (done.exit_code, done.stdout, done.stderr) == (3, f"{tmp_path}\n", "value\n")


def test_selection_leaves_the_checks_of_what_is_named() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "image_tests",
        "--collect-only",
        "-q",
        "-p",
        "benchmarks.peers.selection",
    ]
    environment = {**os.environ, VARIABLE: "elf.architecture,labels.maintainer", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--build", "never"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line}

    assert found == {"test_label[maintainer]", "test_every_elf_file_is_for_the_platform"}, done.stdout + done.stderr
