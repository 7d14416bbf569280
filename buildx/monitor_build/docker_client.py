"""The docker client, and the engine behind it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from monitor_build.errors import BuildError
from monitor_build.process import output_of

SETUP = "run ./qemu-setup.sh"
ANSWER_LIMIT = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers.

    Args:
        version: Its version.
        containerd_store: Whether it keeps images in containerd's store, as manifests with their attestations.
    """

    version: str
    containerd_store: bool


@dataclass(frozen=True, slots=True)
class DockerClient:
    """A docker client.

    Args:
        program: The executable.
        buildx: Its buildx plugin's version; empty when nobody asked.
    """

    program: Path
    buildx: str = ""

    def engine(self) -> Engine:
        """Asks the engine what it is.

        Raises:
            BuildError: None answers.
        """
        try:
            said = json.loads(self._ask("info", "--format", "{{json .}}"))
        except BuildError as problem:
            raise BuildError(f"no engine answers ({problem.what})", where=str(self.program), fix=SETUP) from None
        if said.get("ServerErrors") or not said.get("ServerVersion"):
            what = (said.get("ServerErrors") or ["no answer"])[0]
            raise BuildError(f"no engine answers ({what})", where=str(self.program), fix=SETUP)
        status = {key: value for key, value, *_ in said.get("DriverStatus") or []}
        return Engine(said["ServerVersion"], status.get("driver-type", "").startswith("io.containerd.snapshotter"))

    def image_id(self, reference: str) -> str | None:
        """The ID that the engine gives an image, None when it has no such image.

        Raises:
            BuildError: No engine answers.
        """
        try:
            return self._ask("image", "inspect", "--format", "{{.Id}}", reference).strip()
        except BuildError as problem:
            if "no such image" in problem.what.lower():
                return None
            raise BuildError(f"no engine answers ({problem.what})", where=str(self.program), fix=SETUP) from None

    def upstream_digest(self, reference: str, *, limit: timedelta) -> str:
        """Asks a registry for an image's digest (of its index, when it is for several platforms).

        Raises:
            BuildError: The registry does not answer in time, or has no such image.
        """
        said = output_of([self.program, "buildx", "imagetools", "inspect", reference], timeout=limit)
        found = re.search(r"^Digest:\s+(sha256:[0-9a-f]{64})", said, re.MULTILINE)
        if found is None:
            raise BuildError("the registry told no digest", where=reference)
        return found[1]

    def remove_image(self, reference: str) -> None:
        """Takes a name, or an image without one, out of the engine.

        Raises:
            BuildError: There is no such image, or a container uses it.
        """
        self._ask("image", "rm", reference)

    def _ask(self, *arguments: str) -> str:
        return output_of([self.program, *arguments], timeout=ANSWER_LIMIT)


def clients_on_path(path: str) -> Iterator[Path]:
    """Every docker client on a search path, in its order."""
    for folder in path.split(os.pathsep):
        found = shutil.which("docker", path=folder) if folder else None
        if found:
            yield Path(found)


def find_client(path: str, *, with_buildx: bool) -> DockerClient:
    """The first docker client on a search path, or the first that can build.

    Args:
        path: As in the environment variable PATH.
        with_buildx: Pass over clients whose `buildx version` does not work: an older one may come first.

    Raises:
        BuildError: There is none.
    """
    clients = list(clients_on_path(path))
    if clients and not with_buildx:
        return DockerClient(clients[0])
    for program in clients:
        try:
            said = output_of([program, "buildx", "version"], timeout=ANSWER_LIMIT)
        except BuildError:
            continue
        return DockerClient(program, next((word for word in said.split() if re.match(r"v?\d", word)), said.strip()))
    what = "no docker client on PATH knows buildx" if clients else "no docker client on PATH"
    raise BuildError(what, fix=SETUP)
