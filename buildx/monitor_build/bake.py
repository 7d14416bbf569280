"""Runs `docker buildx bake`, and says which step failed when it does."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from monitor_build.docker_client import DockerClient
from monitor_build.errors import BuildError
from monitor_build.process import Echo, run_logged

_STEP = re.compile(r"^#(?P<number>\d+) (?P<name>\[.*)$")
_FAILED = re.compile(r"^#(?P<number>\d+) ERROR: (?P<what>.*)$")
_EXPORTED = re.compile(r"^#\d+ exporting (?P<what>manifest|config) (?P<digest>sha256:[0-9a-f]{64})")
_LONGEST_STEP = 160
"""Characters of a step that are shown: enough to find it in the Dockerfile."""


class Progress(Enum):
    """How a build shows what it does."""

    AUTO = "auto"
    PLAIN = "plain"
    TTY = "tty"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Exported:
    """What BuildKit says it has written.

    Args:
        digest: What the output is known by: of the index where there are attestations, else of the manifest.
        manifest: The image's own manifest.
        config: The image's configuration.
    """

    digest: str | None
    manifest: str | None
    config: str | None


@dataclass(frozen=True, slots=True)
class Bake:
    """A `docker buildx bake` that is ready to run.

    Args:
        client: The docker client.
        root: The repository's top folder.
        log: Where BuildKit's output is kept.
        progress: How it is shown.
        use_cache: Whether a step that was built before may be taken from BuildKit's cache.
        echo: Told each line of it, unless the progress is quiet or BuildKit's own.
    """

    client: DockerClient
    root: Path
    log: Path
    progress: Progress
    use_cache: bool
    echo: Echo

    def run(self, target: str, variables: Mapping[str, str]) -> Exported:
        """Builds a target of docker-bake.hcl.

        Args:
            target: Its name.
            variables: What its variables are set to.

        Returns:
            What was written.

        Raises:
            BuildError: A step failed, or the output could not be written.
            Interrupted: The build was stopped; nothing was tagged.
        """
        with tempfile.TemporaryDirectory(prefix="monitor-build-") as folder:
            told = Path(folder) / "metadata.json"
            code = run_logged(
                [*self._command(told), target],
                log=self.log,
                echo=self._silent if self._is_quiet else self.echo,
                environment={**os.environ, **variables, "BUILDX_GIT_CHECK_DIRTY": "1"},
                cwd=self.root,
                own_terminal=self.progress is Progress.TTY,
            )
            lines = self.log.read_text(encoding="utf-8").splitlines()
            if code != 0 and self.progress is Progress.TTY:
                raise BuildError("the build failed as shown above", where="docker buildx bake")
            if code != 0:
                raise failure(lines, self.log, show=self.echo if self._is_quiet else self._silent)
            return _exported(lines, json.loads(told.read_text()), target)

    @property
    def _is_quiet(self) -> bool:
        return self.progress is Progress.QUIET

    def _command(self, metadata: Path) -> Sequence[str | Path]:
        # BuildKit's own choice on a terminal would keep the log to itself.
        shown = "tty" if self.progress is Progress.TTY else "plain"
        return [
            self.client.program,
            "buildx",
            "bake",
            "--file",
            self.root / "buildx" / "docker-bake.hcl",
            "--progress",
            shown,
            "--metadata-file",
            metadata,
            *([] if self.use_cache else ["--no-cache"]),
        ]

    @staticmethod
    def _silent(_line: str) -> None:
        """Shows nothing."""


def failure(lines: Sequence[str], log: Path, *, show: Callable[[str], None]) -> BuildError:
    """Names the step that failed, from BuildKit's plain output.

    Args:
        lines: The output.
        log: Where it is kept.
        show: Told what the failed step said, for a user who has not seen it.
    """
    names: dict[str, str] = {}
    for line in lines:
        if step := _STEP.match(line):
            names[step["number"]] = step["name"]
        elif (failed := _FAILED.match(line)) and failed["number"] in names:
            for said in lines:
                if said.startswith(f"#{failed['number']} "):
                    show(said)
            name = names[failed["number"]]
            short = name if len(name) <= _LONGEST_STEP else f"{name[:_LONGEST_STEP]}..."
            return BuildError(f"{failed['what']}", where=f"step {short}", fix=f"the whole log is {log}")
    said = next((line for line in reversed(lines) if line.startswith("ERROR")), (lines or ["no output"])[-1])
    return BuildError(said.removeprefix("ERROR: "), where="docker buildx bake", fix=f"the whole log is {log}")


def _exported(lines: Sequence[str], metadata: Mapping[str, Mapping[str, str]], target: str) -> Exported:
    found = {match["what"]: match["digest"] for line in lines if (match := _EXPORTED.match(line))}
    told = metadata.get(target, {})
    return Exported(
        told.get("containerimage.digest"),
        found.get("manifest"),
        told.get("containerimage.config.digest") or found.get("config"),
    )
