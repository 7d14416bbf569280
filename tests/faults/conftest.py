"""A small good image, a small bad one, a repository for each, and a way to run it against an engine with a fault."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from docker import APIClient
from image_harness.engine.client import resolve_url
from tests.faults.runs import make_repository
from tests.faults.small_image import layer, load
from tests.image.builder import tar

# A repository of its own, which the tests start runs of.
collect_ignore = ["subject"]


@dataclass(frozen=True)
class Small:
    """An image in the engine and the repository that checks it."""

    image: str
    repository: Path


@dataclass(frozen=True)
class Ground:
    """What all cases share.

    Attributes:
        socket: The real engine's.
        engine: A client of it.
        good: The image in which everything is as it should be.
        bad: The one in which nothing is that can be otherwise.
    """

    socket: Path
    engine: APIClient
    good: Small
    bad: Small


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    url = resolve_url("docker")
    assert url.startswith("unix://"), "the engine that fails listens on a socket like the real one's"
    engine = APIClient(base_url=url, version="auto")
    folder = tmp_path_factory.mktemp("faults")
    data = tar(layer())
    tags = [f"image-harness-test/{kind}:{uuid.uuid4().hex[:12]}" for kind in ("good", "bad")]
    try:
        for tag, kind in zip(tags, ("good", "bad"), strict=True):
            load(engine, tag, data, defective=kind == "bad")
        good, bad = (Small(tag, make_repository(folder / tag.partition(":")[2], tag)) for tag in tags)
        yield Ground(Path(url.removeprefix("unix://")), engine, good, bad)
    finally:
        for tag in tags:
            engine.remove_image(tag, force=True)
        engine.close()
