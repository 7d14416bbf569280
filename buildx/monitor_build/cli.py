"""The command line of `buildx/build.py`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

from monitor_build.bake import Progress
from monitor_build.bases import BasesChoice, search_path
from monitor_build.docker_client import find_client
from monitor_build.errors import BuildError
from monitor_build.generation import GENERATIONS, TODAY
from monitor_build.outputs import Output
from monitor_build.pipeline import STATE, Wish, build, inputs_of, pin
from monitor_build.process import Interrupted, interruptible
from monitor_build.record import Record, read_record, write_record
from monitor_build.source import BuildArguments, Source
from monitor_build.staleness import why_stale

DEFAULT_TAG = TODAY.tag
EXIT_UP_TO_DATE = 1
EXIT_ERROR = 2
_Choice = TypeVar("_Choice", bound=Enum)
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def main(argv: Sequence[str], root: Path) -> int:
    """Runs the command.

    Args:
        argv: The arguments, without the program's name.
        root: The repository's top folder.

    Returns:
        The exit code: 0 done (of --is-stale: a build is needed), 1 nothing to do (of --is-stale), 2 a problem that has
        been told in one line, 130 interrupted.
    """
    options = _parser(root).parse_args(argv)
    try:
        with interruptible():
            return _run(options, root)
    except BuildError as problem:
        print(f"build: {problem}", file=sys.stderr)
        return EXIT_ERROR
    except Interrupted as signal:
        print(f"build: interrupted ({signal}); nothing half-made is left", file=sys.stderr)
        return signal.exit_code


def _run(options: argparse.Namespace, root: Path) -> int:
    wish = _wish(options, root)
    if options.print_inputs_hash:
        print(inputs_of(root, wish.arguments, wish.generation).sha256)
        return 0
    if options.is_stale:
        return _tell_staleness(wish, options.record)
    if options.pin:
        pin(wish, say=_say, echo=_echo)
        return 0
    record = build(wish, say=_say, echo=_echo)
    write_record(options.record, record)
    _tell_result(record)
    return 0


def _wish(options: argparse.Namespace, root: Path) -> Wish:
    source = Source(root)
    arguments = BuildArguments(
        options.version or source.default_version(),
        options.vcs_ref or source.revision(),
        options.build_date or source.date(os.environ),
    )
    generation = GENERATIONS[options.generation]
    return Wish(
        root,
        generation,
        options.tag or generation.tag,
        arguments,
        options.bases,
        options.unpinned,
        options.refresh_bases,
        tuple(options.output or [Output()]),
        options.use_cache,
        options.cache,
        options.progress,
    )


def _tell_staleness(wish: Wish, record: Path) -> int:
    client = find_client(search_path(os.environ), with_buildx=False)
    why = why_stale(
        read_record(record),
        inputs_of(wish.root, wish.arguments, wish.generation),
        reference=wish.reference,
        bases=wish.bases,
        image_id=lambda: client.image_id(wish.reference),
    )
    print(f"stale: {why}" if why else f"up to date: {wish.reference}")
    return 0 if why else EXIT_UP_TO_DATE


def _tell_result(record: Record) -> None:
    where = ", ".join(record.outputs)
    print(f"{record.reference} {record.exported.digest or ''}".rstrip())
    print(f"bases: {record.bases.kind.value}; output: {where}; {record.took.total_seconds():.1f} s")


def _say(line: str) -> None:
    print(f"build: {line}", file=sys.stderr, flush=True)


def _echo(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser(root: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build.py", description="Cross-builds the monitor's image for linux/arm64.", allow_abbrev=False
    )
    what = parser.add_argument_group("what is built")
    what.add_argument("--tag", type=_reference, help=f"name of the image (default: {DEFAULT_TAG})")
    what.add_argument(
        "--generation",
        choices=list(GENERATIONS),
        default=TODAY.name,
        help="which Debian and Python; another than the Dockerfile's own is filled into it (default: %(default)s)",
    )
    what.add_argument("--version", help="VERSION (default: the Dockerfile's)")
    what.add_argument("--vcs-ref", metavar="REVISION", help="VCS_REF (default: the commit that is checked out)")
    what.add_argument(
        "--build-date",
        metavar="RFC3339",
        type=_moment,
        help="BUILD_DATE (default: SOURCE_DATE_EPOCH, else the commit's time: the same source gives the same labels)",
    )
    what.add_argument(
        "--bases",
        type=_one_of(BasesChoice),
        default=BasesChoice.AUTO,
        metavar="auto|upstream|stand-in",
        help="what to stand on; auto: upstream where its registry answers (default: auto)",
    )
    what.add_argument("--unpinned", action="store_true", help="upstream's tags as they are today, not bases.lock")
    what.add_argument("--refresh-bases", action="store_true", help="make the stand-ins anew, with today's packages")
    what.add_argument("--no-cache", dest="use_cache", action="store_false", help="build every step anew")
    where = parser.add_argument_group("where it goes")
    where.add_argument(
        "--output",
        action="append",
        type=_output,
        metavar="engine|oci-archive:FILE",
        help="may be given several times (default: engine)",
    )
    where.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        default=root / STATE / "record.json",
        help=f"what was built, as JSON (default: {STATE}/record.json)",
    )
    where.add_argument("--cache", type=Path, metavar="DIR", help="read and write build steps there (type=local)")
    where.add_argument(
        "--progress",
        type=_one_of(Progress),
        default=Progress.AUTO,
        metavar="auto|plain|tty|quiet",
        help="how the build is shown; auto and plain keep a log, tty leaves the terminal to buildx (default: auto)",
    )
    where.add_argument(
        "-q", "--quiet", dest="progress", action="store_const", const=Progress.QUIET, help="--progress quiet"
    )
    instead = parser.add_argument_group("instead of a build").add_mutually_exclusive_group()
    instead.add_argument("--is-stale", action="store_true", help="say whether a build is needed: exit code 0 yes, 1 no")
    instead.add_argument(
        "--print-inputs-hash", action="store_true", help="print one value for all that goes into the image"
    )
    instead.add_argument("--pin", action="store_true", help="look up the bases' digests and write buildx/bases.lock")
    return parser


def _one_of(kind: type[_Choice]) -> Callable[[str], _Choice]:
    def choose(text: str) -> _Choice:
        try:
            return kind(text)
        except ValueError:
            names = ", ".join(str(member.value) for member in kind)
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {names}") from None

    return choose


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name with a tag, such as {DEFAULT_TAG}")
    return text


def _output(text: str) -> Output:
    try:
        return Output.parse(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment such as 2026-01-31T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
