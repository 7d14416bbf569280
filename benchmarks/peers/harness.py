"""The harness: its own checks of the requirements that stand for the assertions, and no others."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import image_harness
from benchmarks.peers import measuring
from benchmarks.peers.model import Answer, Assertion, Outcome, Run, Tool
from benchmarks.peers.selection import VARIABLE
from image_harness.types import Status

ROOT = Path(__file__).resolve().parents[2]
_OUTCOMES = {Status.MET: Outcome.PASSED, Status.NOT_MET: Outcome.FAILED, Status.UNPROVEN: Outcome.NO_ANSWER}


def version() -> str:
    """Its version."""
    return image_harness.__version__


def run(image: str, assertions: Sequence[Assertion], folder: Path) -> Run:
    """Run the checks on an image."""
    report = folder / "report"
    wanted = ",".join(id_ for item in assertions for id_ in _requirements(item))
    options = ["--image", image, "--report", str(report), "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "image_tests", "-p", "benchmarks.peers.selection", *options]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {VARIABLE: wanted, "PYTHONPATH": paths, "PYTEST_ADDOPTS": ""}
    watch = measuring.Stopwatch()
    done = measuring.run(command, folder=ROOT, environment=environment)
    seconds = watch.seconds
    if not (report / "report.json").exists():
        raise SystemExit(f"peers: the harness gave no answers: {done.stdout[-800:]}{done.stderr[-400:]}")
    return Run(parse((report / "report.json").read_text(encoding="utf-8"), assertions), seconds, done.peak_mib)


def parse(report: str, assertions: Sequence[Assertion]) -> Mapping[str, Answer]:
    """Read the report: an assertion has failed when one of its requirements is not met."""
    told = {found["id"]: found for found in json.loads(report)["requirements"]}
    return {item.id: _answer([told[id_] for id_ in _requirements(item)]) for item in assertions}


def _requirements(assertion: Assertion) -> tuple[str, ...]:
    expression = assertion.expression(Tool.HARNESS)
    return tuple(expression.words) if expression is not None else ()


def _answer(requirements: Sequence[Mapping[str, object]]) -> Answer:
    outcomes = [_OUTCOMES[Status(str(found["status"]))] for found in requirements]
    messages = [_message(found) for found in requirements]
    for outcome in (Outcome.FAILED, Outcome.NO_ANSWER):
        if outcome in outcomes:
            return Answer(outcome, messages[outcomes.index(outcome)])
    return Answer(Outcome.PASSED)


def _message(requirement: Mapping[str, object]) -> str:
    checks = requirement["checks"]
    assert isinstance(checks, list)
    return next((str(check["message"]) for check in checks if check["message"]), "")
