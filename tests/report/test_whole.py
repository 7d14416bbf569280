"""Whole reports, letter by letter: what a person or a program reads is as it was when somebody looked at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from image_harness.report.json import render_json
from image_harness.report.junit import render_junit
from image_harness.report.markdown import render_markdown
from image_harness.report.model import RunReport
from image_harness.report.terminal import terminal_summary

from .generate import small_report

EXPECTED = Path(__file__).with_name("expected")


def terminal(report: RunReport) -> str:
    return "\n".join(terminal_summary(report, width=100, colour=False)) + "\n"


RENDERED: dict[str, Callable[[RunReport], str]] = {
    "report.md": render_markdown,
    "report.json": render_json,
    "junit.xml": render_junit,
    "terminal.txt": terminal,
}


@pytest.mark.parametrize("name", RENDERED)
def test_a_report_is_what_it_was(name: str) -> None:
    assert RENDERED[name](small_report()) == (EXPECTED / name).read_text(), (
        "look at the difference; if it is meant: python -m tests.report.test_whole"
    )


if __name__ == "__main__":
    for name, render in RENDERED.items():
        (EXPECTED / name).write_text(render(small_report()))
