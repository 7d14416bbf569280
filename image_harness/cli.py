"""The ``image-harness`` command: what is done beside a test run."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import image_harness
from image_harness.diff import command as diff
from image_harness.errors import HarnessError
from image_harness.history import cli as history
from image_harness.mutants import parser as mutants
from image_harness.nightly import cli as nightly
from image_harness.signoff import command as signoff

_USERS_MISTAKE = 2
_INTERRUPTED = 130
# 128 + SIGPIPE, as shells have it for who is ended by that.
_NOBODY_READS = 141
# What an engine takes to finish what a run asked for just before it was killed.
_SETTLE = timedelta(seconds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; what a user can mend is one line on stderr and exit code 2."""
    _have_an_output()
    options = _parser().parse_args(arguments)
    action: Callable[[argparse.Namespace], int] = options.action
    try:
        code = action(options)
        print(end="", flush=True)  # what cannot be written is told here, not when the interpreter ends
    except HarnessError as error:
        print(f"image-harness: {error}", file=sys.stderr)
        return _USERS_MISTAKE
    except KeyboardInterrupt:
        print("image-harness: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        _write_nothing_more()
        return _NOBODY_READS
    except OSError as error:
        _write_nothing_more()
        where = f"{error.filename}: " if error.filename else ""
        print(f"image-harness: {where}{error.strerror or error}", file=sys.stderr)
        return _USERS_MISTAKE
    return code


def _have_an_output() -> None:
    """Let there be a stdout where the caller closed it, and one that takes every letter, as stderr does."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it is open for as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write_nothing_more() -> None:
    """Have what cannot be written to stdout go nowhere: the interpreter would try again as it ends."""
    try:
        print(end="", flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="image-harness", description="Checks container images against their design; the checks run with pytest."
    )
    parser.add_argument("--version", action="version", version=f"image-harness {image_harness.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    clean = commands.add_parser("clean", help="remove what dead runs of this machine left in an engine and on disk")
    clean.add_argument("--engine", default="docker", metavar="docker|podman|URL", help="as DOCKER_HOST takes it")
    clean.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    clean.set_defaults(action=_clean)

    design = commands.add_parser("design", help="validate a design and list its requirements")
    design.add_argument("file", type=Path, metavar="FILE")
    design.add_argument("--json", action="store_true", help="print JSON")
    design.set_defaults(action=_design)

    schema = commands.add_parser("schema", help="print the JSON Schema of designs or of report.json")
    schema.add_argument("of", choices=["design", "report"])
    schema.set_defaults(action=_schema)

    for room in (mutants, signoff, diff, history, nightly):
        room.add_parsers(commands)
    return parser


def _clean(options: argparse.Namespace) -> int:
    from image_harness.engine import Engine  # noqa: PLC0415 - the other commands need no engine
    from image_harness.mutants.folders import remove_leftover_folders  # noqa: PLC0415

    with Engine.connect(options.engine) as engine:
        removed = engine.remove_leftovers(settle=_SETTLE)
        images = engine.remove_leftover_images()
    folders = remove_leftover_folders()
    if not options.quiet:
        print(f"{removed} containers and networks, {images} images, {folders} folders of dead runs removed")
    return 0


def _design(options: argparse.Namespace) -> int:
    from image_harness.design import load_design  # noqa: PLC0415

    design = load_design(options.file)
    if options.json:
        rows = [requirement.model_dump(mode="json", exclude={"for_each"}) for requirement in design.catalogue]
        print(json.dumps({"name": design.name, "sha256": str(design.digest), "requirements": rows}, indent=1))
        return 0
    for requirement in design.catalogue:
        print(f"{requirement.id:48} {requirement.evidence:8} {requirement.origin:7} {requirement.text}")
    print(f"{len(design.catalogue)} requirements; {design.digest}", file=sys.stderr)
    return 0


def _schema(options: argparse.Namespace) -> int:
    from image_harness.design.schema import design_schema  # noqa: PLC0415
    from image_harness.report.json import json_schema  # noqa: PLC0415

    print(json.dumps(design_schema() if options.of == "design" else json_schema(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
