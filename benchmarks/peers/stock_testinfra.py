"""testinfra as it comes: tests in a file, run by pytest with ``--hosts docker://NAME``."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from importlib.metadata import version as version_of
from pathlib import Path

from benchmarks.peers import measuring
from benchmarks.peers.model import Answer, Assertion, Outcome, Run, Tool
from benchmarks.peers.serving import serving

_SAID_NO = "the host says no"
_HEADER = """import testinfra

NAME = {name!r}
local = testinfra.get_host("local://")
"""
# Where an object is in memory tells nobody anything.
_BACKEND = re.compile(r"backend=<[^>]*>, ")
# Asking stands in a line of its own: what is raised there is testinfra's trouble and no answer.
_TEST = """

def test_{number}(host):
    found = {words}
    assert found, {said_no!r}
"""


def version() -> str:
    """Its version."""
    return version_of("pytest-testinfra")


def run(image: str, assertions: Sequence[Assertion], folder: Path) -> Run:
    """Start the image, run what can be expressed of the assertions at it, and end it."""
    asked = [item for item in assertions if item.expression(Tool.TESTINFRA)]
    file, report = folder / "test_image.py", folder / "report.xml"
    watch = measuring.Stopwatch()
    with serving(image, asked) as container:
        file.write_text(module(container.name, asked))
        options = ["--hosts", f"docker://{container.name}", f"--junitxml={report}", "-p", "no:image-harness"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(file)]
        done = measuring.run(command, folder=folder, environment={"PYTEST_ADDOPTS": ""})
    seconds = watch.seconds
    if not report.exists():
        raise SystemExit(f"peers: testinfra gave no answers: {done.stdout[-400:]}{done.stderr[-400:]}")
    return Run(parse(report.read_text(encoding="utf-8"), asked), seconds, done.peak_mib)


def module(name: str, asked: Sequence[Assertion]) -> str:
    """Return a module with a test for each assertion."""
    words = [expression.words for item in asked if (expression := item.expression(Tool.TESTINFRA))]
    tests = [_TEST.format(number=number, words=text, said_no=_SAID_NO) for number, text in enumerate(words)]
    return _HEADER.format(name=name) + "".join(tests)


def parse(report: str, asked: Sequence[Assertion]) -> Mapping[str, Answer]:
    """Read pytest's report of the module's tests."""
    cases = list(ET.fromstring(report).iter("testcase"))
    numbers = {int(case.attrib["name"].removeprefix("test_").partition("[")[0]): case for case in cases}
    return {item.id: _answer(numbers[number]) for number, item in enumerate(asked)}


def _answer(case: ET.Element) -> Answer:
    trouble = next(iter(case), None)
    if trouble is None:
        return Answer(Outcome.PASSED)
    message = _BACKEND.sub("", trouble.attrib.get("message", "").strip())
    said_no = trouble.tag == "failure" and message.startswith(f"AssertionError: {_SAID_NO}")
    return Answer(Outcome.FAILED, _SAID_NO) if said_no else Answer(Outcome.NO_ANSWER, message)
