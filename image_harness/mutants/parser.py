"""The options of ``image-harness mutants``; what does the work is imported only when it is asked for."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from image_harness.commands import Commands

_EVERY = 60


def add_parsers(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("mutants", help="show that every check can say no: check defective images")
    parser.add_argument("--image", metavar="[TRANSPORT:]REF", help="the good image; the design's own by default")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="a mutant or a requirement; * fits all"
    )
    parser.add_argument("--kind", choices=["static", "runtime", "format"], help="only mutants of this kind")
    parser.add_argument(
        "-n", type=int, default=os.cpu_count() or 1, metavar="N", help="how many processes share the work"
    )
    parser.add_argument(
        "--sample", type=int, default=_EVERY, metavar="N", help="check every Nth mutant from files as well"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write mutants.md, mutants.html and mutants.json there")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="fail when the table differs from this one")
    parser.add_argument("--engine", default="docker", metavar="docker|podman|URL", help="as DOCKER_HOST takes it")
    parser.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the repository; here by default")
    parser.add_argument("--list", action="store_true", help="list the mutants and what each of them breaks")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the result only")
    parser.set_defaults(action=_run)


def _run(options: argparse.Namespace) -> int:
    from image_harness.mutants.command import run  # noqa: PLC0415

    return run(options)
