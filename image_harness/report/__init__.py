"""The report of a run: one model, and what is made of it.

Importing this costs little: what renders files is imported when files are written.
"""

from __future__ import annotations

from pathlib import Path

from image_harness.report.model import RunReport
from image_harness.report.terminal import terminal_summary

__all__ = ["RunReport", "load_report", "prepare_directory", "terminal_summary", "write_reports"]


def write_reports(report: RunReport, directory: Path) -> None:
    """Write report.json, report.md, report.html and junit.xml; see `image_harness.report.write`."""
    from image_harness.report.write import write_reports as write  # noqa: PLC0415 - only --report needs these imports

    write(report, directory)


def prepare_directory(directory: Path) -> None:
    """Make sure that reports can be written there; see `image_harness.report.write`."""
    from image_harness.report.write import prepare_directory as prepare  # noqa: PLC0415 - as above

    prepare(directory)


def load_report(path: Path) -> RunReport:
    """Read a report.json back; see `image_harness.report.json`."""
    from image_harness.report.json import load_report as load  # noqa: PLC0415 - only those who compare runs need it

    return load(path)
