"""goss inside the container: Debian 13's package for the image's architecture, mounted into it.

The package's program needs a C library, which is the image's own. For a command it starts ``sh``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers import measuring
from benchmarks.peers.model import Answer, Assertion, Outcome, Run, Tool
from benchmarks.peers.serving import serving
from image_harness.engine.options import Mount

ROOT = Path(__file__).resolve().parents[2]
_SUITE = "trixie"
_GOSSFILE = "goss.yaml"
_PASSED, _FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Goss:
    """A goss that was fetched.

    Attributes:
        program: The program.
        version: The package's version.
    """

    program: Path
    version: str

    @classmethod
    def fetch(cls, architecture: str, folder: Path) -> Goss:
        """Fetch the package by apt, as the build fetches packages of another architecture.

        Args:
            architecture: Debian's name of it.
            folder: Where to; it is made.
        """
        sys.path.insert(0, str(ROOT / "buildx"))
        from monitor_build.apt import Archive, configured_sources, sources_of_suite  # noqa: PLC0415
        from monitor_build.errors import BuildError  # noqa: PLC0415

        folder.mkdir()
        try:
            sources = tuple(sources_of_suite(configured_sources(Path("/etc/apt")), _SUITE))
            package = Archive(folder / "apt", architecture, sources).update().download(["goss"], folder / "package")[0]
        except BuildError as error:
            raise SystemExit(f"peers: goss cannot be fetched: {error}") from None
        subprocess.run(["dpkg-deb", "--extract", package, folder / "files"], check=True)
        return cls(folder / "files" / "usr" / "bin" / "goss", package.name.split("_")[1])

    def run(self, image: str, assertions: Sequence[Assertion], folder: Path) -> Run:
        """Start the image, run what can be expressed of the assertions in it, and end it."""
        mounted = folder / "mounted"
        mounted.mkdir()
        (mounted / _GOSSFILE).write_text(yaml.safe_dump(gossfile(assertions)))
        (mounted / "goss").hardlink_to(self.program)
        mounted.chmod(0o755)  # the image's user is to read it
        target = f"/goss-{uuid.uuid4().hex[:12]}"
        watch = measuring.Stopwatch()
        with serving(image, assertions, Mount(target, mounted, read_only=True)) as container:
            program = f"{target}/goss"
            inside = [program, "--gossfile", f"{target}/{_GOSSFILE}", "validate", "--format", "json"]
            done = measuring.run(["docker", "exec", container.id, *inside], folder=folder, marker=program)
        seconds = watch.seconds
        return Run(parse(done.stdout, done.stderr, assertions), seconds, done.peak_mib)


def gossfile(assertions: Sequence[Assertion]) -> dict[str, dict[str, Any]]:
    """Return the resources that the assertions are about."""
    document: dict[str, dict[str, Any]] = {}
    for assertion in assertions:
        expression = assertion.expression(Tool.GOSS)
        if expression is not None:
            resources = document.setdefault(expression.means, {})
            if resources.keys() & expression.words.keys():
                raise ValueError(f"{assertion.id}: two assertions about one resource of goss")
            resources.update(expression.words)
    return document


def parse(output: str, errors: str, assertions: Sequence[Assertion]) -> Mapping[str, Answer]:
    """Read its answers; what it says of a resource is said of the assertion that the resource stands for.

    Args:
        output: What it printed, as JSON.
        errors: What it said besides.
        assertions: What was asked.
    """
    try:
        results = json.loads(output)["results"]
    except ValueError:
        raise SystemExit(f"peers: goss gave no answers: {(errors or output).strip()[-400:]}") from None
    found: dict[str, Answer] = {}
    for assertion in assertions:
        expression = assertion.expression(Tool.GOSS)
        if expression is not None:
            about = [
                result
                for result in results
                if result["resource-type"].lower() == expression.means and result["resource-id"] in expression.words
            ]
            found[assertion.id] = _answer(about)
    return found


def _answer(results: Sequence[Mapping[str, Any]]) -> Answer:
    message = "; ".join(result["summary-line-compact"] for result in results if result["result"] != _PASSED)
    if any(result["result"] == _FAILED and not result["err"] for result in results):
        return Answer(Outcome.FAILED, message)
    if results and not message:
        return Answer(Outcome.PASSED)
    return Answer(Outcome.NO_ANSWER, message or "no result")
