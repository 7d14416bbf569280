"""Writes the four files of a report, each whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from image_harness.errors import HarnessError
from image_harness.replacing import replace_file
from image_harness.report.html import render_html
from image_harness.report.json import render_json
from image_harness.report.junit import render_junit
from image_harness.report.markdown import render_markdown
from image_harness.report.model import RunReport


def prepare_directory(directory: Path) -> None:
    """Make the directory that reports are to be written to.

    Raises:
        HarnessError: It cannot be made or written to.
    """
    with _user_error(directory):
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_reports(report: RunReport, directory: Path) -> None:
    """Write report.json, report.md, report.html and junit.xml, replacing those of an earlier run.

    All are rendered before the first is written, and each takes its place in one step: a reader never meets half a
    file, and after a failure finds the earlier one.

    Args:
        report: What to write.
        directory: Where; made when it is missing.

    Raises:
        HarnessError: The directory cannot be made or written to.
    """
    files = {
        "report.json": render_json(report),
        "report.md": render_markdown(report),
        "report.html": render_html(report),
        "junit.xml": render_junit(report),
    }
    prepare_directory(directory)
    with _user_error(directory):
        for name, text in files.items():
            replace_file(directory / name, text.encode("utf-8", "backslashreplace"))


@contextlib.contextmanager
def _user_error(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HarnessError(
            f"cannot write the reports: {error.strerror or error}",
            where=str(directory),
            fix="name a directory that can be written to with --report",
        ) from error
