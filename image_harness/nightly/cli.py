"""The commands ``image-harness nightly`` and ``image-harness summary``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from image_harness.commands import Commands
from image_harness.errors import HarnessError
from image_harness.history.cli import DEFAULT_STORE, STORE_HELP, night, utf_8, write_trend

if TYPE_CHECKING:
    from image_harness.history.store import Store
    from image_harness.nightly.machine import Machine
    from image_harness.nightly.matrix import Cell, Matrix


def add_parsers(commands: Commands) -> None:
    """Register both commands."""
    nightly = commands.add_parser("nightly", help="run the cells of the matrix that this machine can run")
    nightly.add_argument(
        "--matrix", type=Path, default=Path("nightly.yaml"), metavar="FILE", help="default: nightly.yaml"
    )
    nightly.add_argument(
        "--nodes", type=Path, metavar="FILE", help="builder nodes and engines beyond this machine's own"
    )
    nightly.add_argument("--cell", action="append", default=[], metavar="PATTERN", help="only these; may be repeated")
    nightly.add_argument("--store", type=utf_8, default=DEFAULT_STORE, metavar="FILE|URL", help=STORE_HELP)
    nightly.add_argument("--night", type=night, metavar="YYYY-MM-DD", help="default: today in UTC")
    nightly.add_argument("--out", type=Path, default=Path(".build/nightly"), metavar="DIR", help="reports and logs")
    nightly.add_argument("--collect", type=Path, metavar="DIR", help="run nothing: keep the reports of jobs elsewhere")
    nightly.add_argument("--list", action="store_true", help="only say what can be run here, and why the rest cannot")
    nightly.add_argument("--plan", action="store_true", help="only print every cell as JSON, whatever can be run here")
    nightly.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    nightly.set_defaults(action=_nightly)

    summary = commands.add_parser("summary", help="tell a report's verdict in brief")
    summary.add_argument("report", type=Path, metavar="report.json")
    form = summary.add_mutually_exclusive_group()
    form.add_argument("--github", action="store_true", help="as a job's summary page and annotations")
    form.add_argument("--digest", action="store_true", help="only the manifest digest of the image that was checked")
    summary.set_defaults(action=_summary)


def _nightly(options: argparse.Namespace) -> int:
    from image_harness.nightly.matrix import load_matrix  # noqa: PLC0415 - the other commands need no matrix

    matrix = load_matrix(options.matrix)
    cells = matrix.chosen(tuple(options.cell))
    if options.plan:
        print(json.dumps([{"name": cell.name, **cell.model_dump(mode="json")} for cell in cells]))
        return 0
    if options.collect:
        return _collect(options, cells)
    return _run(options, matrix, cells)


def _collect(options: argparse.Namespace, cells: tuple[Cell, ...]) -> int:
    from image_harness.history.store import Store  # noqa: PLC0415
    from image_harness.nightly.runner import all_met, collect  # noqa: PLC0415

    _make_folder(options.out)
    runs = collect(cells, options.collect, _night_of(options))
    with Store(options.store, create=True) as store:
        store.add(runs)
        _write_trend(store, options)
    if not options.quiet:
        for run in runs:
            print(f"{run.cell}: {run.verdict.upper()}{f': {run.absence}' if run.absence else ''}")
    return 0 if all_met(runs) else 1


def _night_of(options: argparse.Namespace) -> date:
    when: date | None = options.night
    return when or datetime.now(UTC).date()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot make the folder: {error.strerror}"
        raise HarnessError(what, where=str(folder), fix="name another with --out") from error


def _write_trend(store: Store, options: argparse.Namespace) -> None:
    path: Path = options.out / "trend.html"
    write_trend(store, path)
    if not options.quiet:
        print(f"trend: {path}", flush=True)


def _run(options: argparse.Namespace, matrix: Matrix, cells: tuple[Cell, ...]) -> int:
    from image_harness.history.store import Store  # noqa: PLC0415
    from image_harness.nightly.machine import Machine  # noqa: PLC0415
    from image_harness.nightly.nodes import builder, load_nodes  # noqa: PLC0415
    from image_harness.nightly.runner import Runner, all_met  # noqa: PLC0415

    root = options.matrix.resolve().parent
    nodes = load_nodes(options.nodes) if options.nodes else None
    for kind in nodes.check if nodes else ():
        if kind not in matrix.engines:
            fix = f"name one of {', '.join(matrix.engines)}"
            raise HarnessError(f"check.{kind}: the matrix has no such engine", where=str(options.nodes), fix=fix)
    machine = Machine(root, matrix, nodes.check if nodes else {})
    able = _survey(machine, cells, quiet=options.quiet and not options.list)
    if options.list:
        return 0
    if not able:
        raise HarnessError("this machine can run none of the cells", where=str(options.matrix))
    _make_folder(options.out)
    when = _night_of(options)
    engines = {kind: machine.usable(kind) for kind in {cell.engine for cell in able}}
    with Store(options.store, create=True) as store, builder(nodes) as environment:
        runner = Runner(
            root,
            matrix,
            (options.out / when.isoformat()).resolve(),
            when,
            say=(lambda _: None) if options.quiet else _say,
            environment=environment,
        )
        outcomes = runner.run(able, engines, store)
        _write_trend(store, options)
    return 0 if all_met([outcome.run for outcome in outcomes]) else 1


def _survey(machine: Machine, cells: tuple[Cell, ...], *, quiet: bool) -> list[Cell]:
    able = []
    width = max((len(cell.name) for cell in cells), default=0)
    for cell in cells:
        obstacle = machine.obstacle(cell)
        if not obstacle:
            able.append(cell)
        if not quiet:
            print(f"{cell.name:{width}}  {f'not here: {obstacle}' if obstacle else 'can be run here'}", flush=True)
    if not quiet:
        print(f"{len(able)} of {len(cells)} cells can be run here", flush=True)
    return able


def _say(line: str) -> None:
    print(line, flush=True)


def _summary(options: argparse.Namespace) -> int:
    from image_harness.nightly.summary import commands, job_summary  # noqa: PLC0415
    from image_harness.report import load_report, terminal_summary  # noqa: PLC0415

    report = load_report(options.report)
    if options.digest:
        if report.image.manifest_digest is None:
            raise HarnessError("the run looked at no image with a manifest digest", where=str(options.report))
        print(report.image.manifest_digest)
        return 0
    if not options.github:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print("\n".join(terminal_summary(report, colour=colour)))
        return 0
    print("\n".join(commands(report, Path.cwd())))
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page is None:
        print(job_summary(report))
        return 0
    try:
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(job_summary(report))
    except OSError as error:
        raise HarnessError(f"cannot write the summary: {error.strerror}", where="GITHUB_STEP_SUMMARY") from error
    return 0
