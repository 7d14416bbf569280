"""The command-line options, turned into types."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

import pytest

from image_harness.errors import HarnessError


class BuildPolicy(enum.StrEnum):
    """When the image is built before it is checked."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes:
        image: The image reference as typed, or None for the design's own image in the engine.
        build: When to build.
        design: A design that replaces the repository's own.
        dockerfile: A Dockerfile that replaces the repository's own.
        without_dockerfile: ``--dockerfile none``: there is no source to look at.
        engine: ``docker``, ``podman`` or a URL as DOCKER_HOST takes it.
        report: Where the reports go, or None for no files.
    """

    image: str | None
    build: BuildPolicy
    design: Path | None
    dockerfile: Path | None
    without_dockerfile: bool
    engine: str
    report: Path | None


def add_options(parser: pytest.Parser) -> None:
    """Register the options of the command-line contract."""
    group = parser.getgroup("image-harness", "container image checks")
    group.addoption(
        "--image",
        metavar="[TRANSPORT:]REF",
        help="check this image and never build; transports docker-daemon: (default), docker-archive:FILE, "
        "oci:DIR[:TAG|@DIGEST], oci-archive:FILE",
    )
    group.addoption(
        "--build",
        choices=[policy.value for policy in BuildPolicy],
        default=BuildPolicy.AUTO.value,
        help="build the image before checking it: auto (when stale, the default), always, never",
    )
    group.addoption("--design", metavar="FILE", help="the design to check against")
    group.addoption("--dockerfile", metavar="FILE|none", help="the Dockerfile to read source evidence from")
    group.addoption(
        "--engine", metavar="docker|podman|URL", default="docker", help="the container engine; URL as in DOCKER_HOST"
    )
    group.addoption("--report", metavar="DIR", help="write report.json, report.md, report.html and junit.xml there")


def read_options(config: pytest.Config) -> Options:
    """Turn the parsed command line into types.

    Raises:
        HarnessError: A named file does not exist, an option has no value, or options contradict each other.
    """
    for option in ("--image", "--design", "--dockerfile", "--engine", "--report"):
        if config.getoption(option) == "":
            raise HarnessError("has no value", where=option, fix="give it one, or leave the option out")
    dockerfile = config.getoption("--dockerfile")
    image = config.getoption("--image")
    build = BuildPolicy(config.getoption("--build"))
    if image is not None and build is BuildPolicy.ALWAYS:
        raise HarnessError(
            "an image that is named is never built",
            where="--image with --build always",
            fix="leave one of the two options out",
        )
    return Options(
        image=image,
        build=build,
        design=_existing_file(config.getoption("--design"), "--design"),
        dockerfile=None if dockerfile == "none" else _existing_file(dockerfile, "--dockerfile"),
        without_dockerfile=dockerfile == "none",
        engine=config.getoption("--engine"),
        report=_path(config.getoption("--report")),
    )


def _path(text: str | None) -> Path | None:
    return Path(text).absolute() if text is not None else None


def _existing_file(text: str | None, option: str) -> Path | None:
    path = _path(text)
    if path is not None and not _is_file(path):
        raise HarnessError(f"no such file: {text}", where=option, fix="name an existing file")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be read
        return False
