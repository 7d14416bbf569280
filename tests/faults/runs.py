"""Runs of the small repository against an engine that may fail, and everything that must not be left of one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from docker import APIClient

from image_harness.engine.ownership import RUN_LABEL
from image_harness.engine.toolbox.identity import native_architecture
from tests.faults.small_image import INTERPRETER, PROBE

ROOT = Path(__file__).parents[2]
_SUBJECT = Path(__file__).with_name("subject")
_MARK = "SMALL_RUN"
_KILL_AFTER = 180.0
# A run takes a few seconds, what it must wait for some more; this is where a machine that is busy does not get to.
_BOUND = 90.0
_INI = "[pytest]\nenable_assertion_pass_hook = true\naddopts = --import-mode=importlib\n"


@dataclass(frozen=True)
class Outcome:
    """A run that has ended.

    Attributes:
        exit_code: What it ended with.
        seconds: How long it took.
        output: What it wrote to the terminal.
        status: What it made of each requirement that it looked at.
        messages: Why, of those that are not met or unproven.
        left: What it left behind: containers, volumes, networks, processes, files.
    """

    exit_code: int
    seconds: float
    output: str
    status: Mapping[str, str]
    messages: Mapping[str, str]
    left: Sequence[str]

    def of(self, *statuses: str) -> set[str]:
        """The requirements of these statuses."""
        return {name for name, status in self.status.items() if status in statuses}

    @property
    def red(self) -> Mapping[str, str]:
        """What is not as it should be, and why."""
        return {name: f"{self.status[name]}: {self.messages[name]}" for name in self.of("not-met", "unproven")}


def require_well_ended(outcome: Outcome) -> None:
    """Whatever happened, a run ends in time, leaves nothing, and tells no user of its own insides."""
    assert outcome.seconds < _BOUND
    assert outcome.left == []
    assert "Traceback" not in outcome.output
    assert "INTERNALERROR" not in outcome.output


def make_repository(folder: Path, image: str) -> Path:
    """Write the small repository with an image's name in its design."""
    shutil.copytree(_SUBJECT, folder)
    words = {
        "@DESIGN@": str(ROOT / "designs" / "rdp-monitor.yaml"),
        "@IMAGE@": image,
        "@ARCHITECTURE@": native_architecture(),
        "@INTERPRETER@": INTERPRETER,
        "@PROBE@": json.dumps(PROBE),
    }
    text = (folder / "design.yaml.template").read_text()
    for word, value in words.items():
        text = text.replace(word, value)
    assert yaml.safe_load(text)["image"]["reference"] == image
    (folder / "design.yaml").write_text(text)
    (folder / "pytest.ini").write_text(_INI)
    return folder


class Run:
    """A run that goes on.

    Args:
        repository: The small repository.
        engine: Where the run is to find the engine.
        folder: Where it may write.
        checks: What it is to look at: modules or folders beneath the repository.
        limit: How long, in seconds, each call may take; None leaves the harness its own limits.
        prefix: What the run is started by: programs that become it in the end.
        environment: Further variables.
    """

    def __init__(
        self,
        repository: Path,
        engine: str,
        folder: Path,
        checks: Sequence[str],
        *,
        limit: float | None = None,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._temporary = folder / "tmp"
        self._temporary.mkdir(parents=True)
        self._report = folder / "report"
        self._mark = uuid.uuid4().hex
        # The other plugins of this machine take longer to load than most runs to look.
        variables = {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            _MARK: self._mark,
            "TMPDIR": str(self._temporary),
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
        }
        if limit is not None:
            variables["SMALL_LIMIT"] = f"{limit:g}"
        options = [
            "--engine",
            engine,
            "--report",
            str(self._report),
            "-p",
            "no:cacheprovider",
            "-p",
            "image_harness.plugin",
            "-o",
            "tmp_path_retention_policy=none",
        ]
        self._start = time.monotonic()
        self._out = (folder / "output").open("w")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "pytest", *checks, *options],
            cwd=repository,
            env={**os.environ, **variables, **(environment or {})},
            stdout=self._out,
            stderr=self._out,
        )

    def wait(self, engine: APIClient) -> Outcome:
        """Wait for the end of the run, and look what is left of it in the real engine and on this machine."""
        try:
            exit_code = self.process.wait(_KILL_AFTER)
        finally:
            self.process.kill()
            self.process.wait()
            self._out.close()
        seconds = time.monotonic() - self._start
        left = [*made_by(engine, self.process.pid), *processes_with(self._mark), *files_in(self._temporary)]
        report = self._report / "report.json"
        found: list[dict[str, Any]] = json.loads(report.read_text())["requirements"] if report.exists() else []
        looked_at = [one for one in found if one["status"] != "not-selected"]
        return Outcome(
            exit_code,
            seconds,
            (self._folder / "output").read_text(),
            {one["id"]: one["status"] for one in looked_at},
            {one["id"]: "; ".join(check["message"] or "" for check in one["checks"]) for one in looked_at},
            left,
        )


def made_by(engine: APIClient, pid: int) -> list[str]:
    """The containers, anonymous volumes and networks in an engine that a process has made."""
    filters = {"label": [RUN_LABEL, f"image-harness.pid={pid}"]}
    containers = engine.containers(all=True, filters=filters)
    volumes = [mount["Name"] for one in containers for mount in one.get("Mounts", ()) if mount.get("Type") == "volume"]
    networks = [one["Name"] for one in engine.networks(filters=filters)]
    return [*(one["Names"][0] for one in containers), *volumes, *networks]


def processes_with(mark: str) -> list[str]:
    """The processes that have a run's mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if f"{_MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()[:80]!r}")
        except OSError:
            continue
    return found


def files_in(folder: Path) -> list[str]:
    """What there is in a folder."""
    return [str(path) for path in folder.rglob("*")]
