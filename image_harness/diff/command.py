"""The command ``diff``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from image_harness.commands import Commands
from image_harness.types import Platform

if TYPE_CHECKING:
    from image_harness.image import Image

_FILES: Final = 20
_REPORTS: Final = Path("reports")


def add_parsers(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("diff", help="tell what changed between two images, as a release note would")
    parser.add_argument("old", metavar="OLD", help="[TRANSPORT:]REF of the image before")
    parser.add_argument("new", metavar="NEW", help="[TRANSPORT:]REF of the image after")
    parser.add_argument("--platform", default=str(Platform.LINUX_ARM64), metavar="OS/ARCH", help="of several, this one")
    parser.add_argument("--engine", default="docker", metavar="docker|podman|URL", help="as DOCKER_HOST takes it")
    parser.add_argument(
        "--reports",
        type=Path,
        action="append",
        metavar="FILE|DIR",
        help=f"where reports of the two images are (default: {_REPORTS}/, if there is such a folder)",
    )
    parser.add_argument("--all", action="store_true", help=f"name every file, not {_FILES} of each layer")
    parser.add_argument("--json", action="store_true", help="print JSON, with every file")
    parser.add_argument("-q", "--quiet", action="store_true", help="print no progress")
    parser.set_defaults(action=_diff)


def _diff(options: argparse.Namespace) -> int:
    from image_harness.diff.compare import compare_images  # noqa: PLC0415 - other commands need none of this
    from image_harness.diff.document import render_json  # noqa: PLC0415
    from image_harness.diff.reports import find_reports  # noqa: PLC0415
    from image_harness.diff.text import render_text  # noqa: PLC0415

    places = options.reports or ([_REPORTS] if _REPORTS.is_dir() else [])
    with _open(options.old, options) as old, _open(options.new, options) as new:
        diff = compare_images(old, new, reports=find_reports(places, old, new))
    sys.stdout.write(render_json(diff) if options.json else render_text(diff, files=None if options.all else _FILES))
    return 0


def _open(text: str, options: argparse.Namespace) -> Image:
    from image_harness.image import ImageReference, Transport, open_image  # noqa: PLC0415

    reference, docker_host = ImageReference.parse(text), None
    if not options.quiet:
        print(f"diff: reading {reference}", file=sys.stderr, flush=True)
    if reference.transport is Transport.DOCKER_DAEMON:
        from image_harness.engine import Engine  # noqa: PLC0415

        with Engine.connect(options.engine) as engine:
            docker_host = engine.url
    return open_image(reference, platform=Platform.parse(options.platform), docker_host=docker_host)
