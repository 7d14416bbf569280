"""Builders and engines beyond the one of this machine, from one file.

```yaml
build:                     # nodes of one buildx builder
  - endpoint: tcp://arm64.example:1234
    driver: remote
    platforms: [linux/arm64]
  - endpoint: unix:///var/run/docker.sock
    driver: engine
check:                     # engines that cells are dealt out to
  docker: [unix:///var/run/docker.sock, tcp://127.0.0.1:2375]
```
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from image_harness.errors import HarnessError, first_problem
from image_harness.nightly.bridge import bridged
from image_harness.yaml_source import read_source


class Node(BaseModel):
    """A node of the builder.

    Attributes:
        endpoint: Where it is: what ``docker buildx create`` takes for the driver.
        driver: The driver of buildx, or ``engine`` for an engine's own BuildKit; ``kubernetes`` needs no endpoint.
        platforms: What it builds, best first; a platform that is named here is preferred to one that is emulated.
        options: ``--driver-opt`` of buildx.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = ""
    driver: Literal["docker-container", "engine", "kubernetes", "remote"] = "docker-container"
    platforms: tuple[str, ...] = ()
    options: Mapping[str, str] = {}


class Nodes(BaseModel):
    """The whole of a file of nodes.

    Attributes:
        build: The builder's nodes; none for the engine's own builder.
        check: Engines by kind, as ``--engine`` takes them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    build: tuple[Node, ...] = ()
    check: Mapping[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _check_drivers(self) -> Nodes:
        drivers = sorted({_buildx_driver(node) for node in self.build})
        if len(drivers) > 1:
            raise ValueError(f"all nodes of a builder have one driver, not {' and '.join(drivers)}")
        return self


def _buildx_driver(node: Node) -> str:
    return "remote" if node.driver == "engine" else node.driver


def load_nodes(path: Path) -> Nodes:
    """Read a file of nodes.

    Raises:
        HarnessError: It cannot be read or is none.
    """
    try:
        return Nodes.model_validate(read_source(path, "a list of nodes", may_be_empty=True).data)
    except ValidationError as error:
        raise HarnessError(first_problem(error), where=str(path)) from error


@contextlib.contextmanager
def builder(nodes: Nodes | None) -> Iterator[dict[str, str]]:
    """Make one builder of all nodes for as long as it is needed.

    Yields:
        The environment that makes buildx use it; empty when there are no nodes.

    Raises:
        HarnessError: buildx refuses a node.
    """
    if nodes is None or not nodes.build:
        yield {}
        return
    name = f"image-harness-{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory(prefix="builder-") as folder, contextlib.ExitStack() as bridges:
        try:
            for number, node in enumerate(nodes.build):
                reached = node
                if node.driver == "engine":
                    socket = bridges.enter_context(bridged(node.endpoint, Path(folder, f"{number}.sock")))
                    reached = node.model_copy(update={"driver": "remote", "endpoint": socket})
                _buildx(*create_arguments(name, number, reached), where=node.endpoint or node.driver)
            yield {"BUILDX_BUILDER": name}
        finally:
            # Whatever was made of it goes; that there is nothing to remove is no news.
            subprocess.run(["docker", "buildx", "rm", "--force", name], capture_output=True, check=False)


def create_arguments(name: str, number: int, node: Node) -> list[str]:
    """Return what ``docker buildx`` is told to add a node to a builder."""
    arguments = ["create", "--name", name, "--node", f"{name}-{number}", "--driver", node.driver]
    if number:
        arguments.append("--append")
    if node.platforms:
        arguments += ["--platform", ",".join(node.platforms)]
    for key, value in node.options.items():
        arguments += ["--driver-opt", f"{key}={value}"]
    return [*arguments, node.endpoint] if node.endpoint else arguments


def _buildx(*arguments: str, where: str) -> None:
    done = subprocess.run(["docker", "buildx", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise HarnessError(f"buildx refuses the node: {said.removeprefix('ERROR: ')}", where=where)
