"""The commands ``image-harness history add`` and ``image-harness trend``."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from image_harness.commands import Commands
from image_harness.errors import HarnessError
from image_harness.replacing import replace_file
from image_harness.report.text import count

if TYPE_CHECKING:
    from image_harness.history.store import Store
    from image_harness.history.trend import Trend

DEFAULT_STORE: Final = "history.sqlite"
STORE_HELP: Final = f"an SQLite file (default: {DEFAULT_STORE}) or postgresql://USER@HOST/DATABASE"


def add_parsers(commands: Commands) -> None:
    """Register both commands."""
    history = commands.add_parser("history", help="keep the reports of runs, night after night")
    actions = history.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="append a run, from its report.json")
    add.add_argument("--store", type=utf_8, default=DEFAULT_STORE, metavar="FILE|URL", help=STORE_HELP)
    add.add_argument("--cell", type=name, required=True, metavar="NAME", help="where in the matrix the run was")
    add.add_argument("--night", type=night, metavar="YYYY-MM-DD", help="default: the day in UTC on which it began")
    add.add_argument("--absent", type=utf_8, metavar="REASON", help="record that the run was due and left no report")
    add.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add.add_argument("reports", nargs="*", type=Path, metavar="report.json")
    add.set_defaults(action=_add)

    trend = commands.add_parser("trend", help="write a page that tells what changed from night to night")
    trend.add_argument("--store", type=utf_8, default=DEFAULT_STORE, metavar="FILE|URL", help=STORE_HELP)
    trend.add_argument("--out", type=Path, default=Path("trend.html"), metavar="FILE", help="default: trend.html")
    trend.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    trend.set_defaults(action=_trend)


def night(text: str) -> date:
    """Read a night as the command line gives it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a date: {text!r}; write it as 2026-03-04") from None


def utf_8(text: str) -> str:
    """Read a text as the command line gives it; no store has a place for bytes that are none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"not UTF-8: {text!a}") from None
    return text


def name(text: str) -> str:
    """Read a name as the command line gives it: pages and lists have a line for each."""
    if not utf_8(text).strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"no name: {text!a}; write it in one line of letters and digits")
    return text


def _add(options: argparse.Namespace) -> int:
    from image_harness.history.model import Run  # noqa: PLC0415 - the other commands need no database
    from image_harness.history.store import Store  # noqa: PLC0415
    from image_harness.report.json import read_report  # noqa: PLC0415

    if bool(options.reports) == (options.absent is not None):
        raise HarnessError("name reports or a reason why there is none", where="history add", fix="see --help")
    runs = [Run.of(*read_report(path), cell=options.cell, night=options.night) for path in options.reports]
    if options.absent is not None:
        now = datetime.now(UTC)
        runs.append(Run.absent(options.cell, options.night or now.date(), reason=options.absent, now=now))
    with Store(options.store, create=True) as store:
        added = store.add(runs)
    if not options.quiet:
        known = f", {len(runs) - added} known already" if added < len(runs) else ""
        print(f"{options.cell}: {added} added{known}")
    return 0


def _trend(options: argparse.Namespace) -> int:
    from image_harness.history.store import Store  # noqa: PLC0415

    with Store(options.store) as store:
        if store.is_file(options.out):
            raise HarnessError("this is the history itself", where=f"--out {options.out}", fix="name another file")
        trend = write_trend(store, options.out)
    if not options.quiet:
        nights, cells = count(len(trend.nights), "night"), count(len(trend.cells), "cell")
        print(f"{options.out}: {nights}, {cells}", file=sys.stderr)
    return 0


def write_trend(store: Store, path: Path) -> Trend:
    """Write the trend page of a store.

    Raises:
        HarnessError: The store cannot be read, or the page not be written.
    """
    from image_harness.history.page import render_page  # noqa: PLC0415
    from image_harness.history.trend import trend_of  # noqa: PLC0415

    trend = trend_of(store.runs())
    text = render_page(trend, store.findings)
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise HarnessError(f"cannot write the page: {error.strerror}", where=str(path)) from error
    return trend
