"""A small good image, a small bad one, a repository for each, and a way to run it against an engine with a fault."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from docker import APIClient

from image_harness.engine.client import resolve_url
from tests.faults.decoy import Decoy
from tests.faults.injection import Fault, Injection, Moment
from tests.faults.proxy import Proxy
from tests.faults.runs import Outcome, Run, make_repository
from tests.faults.small_image import layer, load
from tests.image.builder import tar

# A repository of its own, which the tests start runs of.
collect_ignore = ["subject"]
_PATIENCE = 60.0


@dataclass(frozen=True)
class Small:
    """An image in the engine and the repository that checks it."""

    image: str
    repository: Path


@dataclass(frozen=True)
class Started:
    """A run that was started against an engine with a fault, and has ended.

    Attributes:
        outcome: What came of it.
        calls: What it asked the engine.
        injected: How often the fault happened.
    """

    outcome: Outcome
    calls: frozenset[str]
    injected: int


@dataclass(frozen=True)
class Ground:
    """What all cases share.

    Attributes:
        socket: The real engine's.
        engine: A client of it.
        good: The image in which everything is as it should be.
        bad: The one in which nothing is that can be otherwise.
        prefix: What runs are started by, to be where the engine is.
    """

    socket: Path
    engine: APIClient
    good: Small
    bad: Small
    prefix: tuple[str, ...] = ()

    def run(
        self,
        small: Small,
        checks: str,
        injection: Injection | None = None,
        *,
        moment: Moment | None = None,
        limit: float | None = None,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Started:
        """Run the checks of an image against an engine with a fault, to the end."""
        # The path of a socket must be short.
        with contextlib.ExitStack() as stack:
            place = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
            decoy = None
            if injection is not None and injection.fault is Fault.OTHERS:
                decoy = stack.enter_context(self.decoy())
            proxy = stack.enter_context(Proxy(self.socket, place / "engine.sock", injection, decoy))
            if moment is not None:
                proxy.at(moment)
            run = Run(
                small.repository,
                proxy.url,
                place / "run",
                [checks],
                limit=limit,
                prefix=(*self.prefix, *prefix),
                environment=environment,
            )
            return Started(run.wait(self.engine), frozenset(proxy.calls), proxy.injected)

    @contextlib.contextmanager
    def decoy(self) -> Iterator[Decoy]:
        """A healthy container of the good image."""
        made = self.engine.create_container(self.good.image, name=f"decoy-{uuid.uuid4().hex[:12]}")["Id"]
        try:
            self.engine.start(made)
            deadline = time.monotonic() + _PATIENCE
            while self.engine.inspect_container(made)["State"]["Health"]["Status"] != "healthy":
                assert time.monotonic() < deadline, "the decoy is not healthy"
                time.sleep(0.1)
            yield Decoy(self.engine, self.good.image, made)
        finally:
            self.engine.remove_container(made, force=True, v=True)


@pytest.fixture(scope="session")
def data() -> bytes:
    """The files of the small images."""
    return tar(layer())


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> Iterator[Ground]:
    """The machine's own engine, with the images."""
    with prepared(resolve_url("docker"), tmp_path_factory.mktemp("faults"), data) as found:
        yield found


@contextlib.contextmanager
def prepared(url: str, folder: Path, data: bytes, prefix: tuple[str, ...] = ()) -> Iterator[Ground]:
    """Put the images into an engine and write their repositories, as long as the context lasts."""
    assert url.startswith("unix://"), "the engine that fails listens on a socket like the real one's"
    engine = APIClient(base_url=url, version="auto")
    tags = [f"image-harness-test/{kind}:{uuid.uuid4().hex[:12]}" for kind in ("good", "bad")]
    try:
        for tag, kind in zip(tags, ("good", "bad"), strict=True):
            load(engine, tag, data, defective=kind == "bad")
        good, bad = (Small(tag, make_repository(folder / tag.partition(":")[2], tag)) for tag in tags)
        yield Ground(Path(url.removeprefix("unix://")), engine, good, bad, prefix)
    finally:
        for tag in tags:
            engine.remove_image(tag, force=True)
        engine.close()
