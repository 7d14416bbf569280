"""Puts buildx/ where its tests find it: it is run as a script and is no part of the installed package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "buildx"))

from monitor_build.bases import RUNTIME, recipes_here  # noqa: E402 - only now can it be found
from monitor_build.docker_client import DockerClient, find_client  # noqa: E402
from monitor_build.errors import BuildError  # noqa: E402
from monitor_build.stand_in import StandIn, StandInStore  # noqa: E402


def tell(line: str) -> None:
    """Shows progress to whoever runs pytest with -s."""
    print(line)


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def client() -> DockerClient:
    try:
        found = find_client(os.environ.get("PATH", ""), with_buildx=True)
        found.engine()
    except BuildError as problem:
        pytest.fail(str(problem))
    return found


@pytest.fixture(scope="session")
def distroless() -> StandIn:
    """The stand-in for the runtime base; made when no build has made it yet."""
    recipe = recipes_here(ROOT / "buildx" / "bases", os.environ, tell)[RUNTIME]
    return StandInStore(ROOT / ".build" / "bases", tell).get(recipe)


@pytest.fixture
def tag(client: DockerClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for an image of the test's own; the image is gone afterwards."""
    name = f"image-harness-test/buildx:{os.getpid()}-{abs(hash(request.node.nodeid)):x}"
    yield name
    if client.image_id(name):
        client.remove_image(name)
