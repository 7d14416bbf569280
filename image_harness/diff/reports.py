"""Finds the report of an image among those that runs have left, by the image's digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from image_harness.errors import HarnessError
from image_harness.image import Image
from image_harness.report import RunReport, load_report

NAME: Final = "report.json"


def find_reports(places: Sequence[Path], old: Image, new: Image) -> tuple[RunReport, RunReport] | None:
    """Find the newest report of each of two images; None unless both have one.

    Args:
        places: Files, or folders with report.json in or below them.
        old: One image.
        new: The other.

    Raises:
        HarnessError: A file that was named cannot be read or is no report.
    """
    reports = [load_report(path) for path in _paths(places)]
    before, after = _newest(reports, old), _newest(reports, new)
    return (before, after) if before is not None and after is not None else None


def _paths(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        if not place.exists():
            raise HarnessError("there is no such file or folder", where=str(place), fix="name reports with --reports")
        yield from sorted(place.rglob(NAME)) if place.is_dir() else [place]


def _newest(reports: Sequence[RunReport], image: Image) -> RunReport | None:
    # The configuration holds the digests of all layers, and every transport has it; a manifest not every one.
    of_image = [report for report in reports if report.image.config_digest == image.config_digest]
    return max(of_image, key=lambda report: report.run.started, default=None)
