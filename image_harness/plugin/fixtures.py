"""The fixtures that checks are written with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from image_harness.design import Design
from image_harness.dockerfile import Dockerfile
from image_harness.engine import Clock, Container, Engine, InterpreterFacts, Question, RunOptions
from image_harness.image import FileSystem, Image
from image_harness.plugin.needs import asked_by
from image_harness.plugin.running import Deployed, Running
from image_harness.plugin.scenarios import Scenarios
from image_harness.plugin.session import SESSION, HarnessSession

if TYPE_CHECKING:
    from image_harness.engine.toolbox.host import ContainerHost

RunContainer = Callable[[RunOptions], contextlib.AbstractContextManager[Container]]


@pytest.fixture(scope="session")
def harness_session(request: pytest.FixtureRequest) -> HarnessSession:
    """The run that this check belongs to."""
    session = request.config.stash.get(SESSION, None)
    if session is None:
        pytest.fail("no subject: a conftest.py must implement pytest_image_harness_subject", pytrace=False)
    return session


@pytest.fixture(scope="session")
def design(harness_session: HarnessSession) -> Design:
    """What the image must be."""
    return harness_session.design


@pytest.fixture(scope="session")
def dockerfile(harness_session: HarnessSession) -> Dockerfile:
    """The Dockerfile, parsed; without one the check is unproven."""
    return harness_session.dockerfile


@pytest.fixture(scope="session")
def source_tree(harness_session: HarnessSession) -> Path:
    """The root of the repository that the image is built from."""
    return harness_session.source_tree


@pytest.fixture(scope="session")
def image(harness_session: HarnessSession) -> Image:
    """The image as data."""
    return harness_session.image


@pytest.fixture(scope="session")
def filesystem(image: Image) -> FileSystem:
    """The image's layers, merged."""
    return image.filesystem


@pytest.fixture(scope="session")
def engine(harness_session: HarnessSession) -> Engine:
    """The container engine."""
    return harness_session.engine


@pytest.fixture(scope="session")
def running(harness_session: HarnessSession) -> Running:
    """The shared container, which may not answer yet."""
    return harness_session.running


@pytest.fixture(scope="session")
def deployed(running: Running) -> Deployed:
    """The image as it is deployed."""
    return running.deployed


@pytest.fixture(scope="session")
def container(running: Running) -> Container:
    """The shared container, its service answering; without an answer the check is unproven."""
    return running.container


@pytest.fixture(scope="session")
def host(container: Container, design: Design) -> Iterator[ContainerHost]:
    """The shared container as testinfra sees a host; takes the place of testinfra's own fixture."""
    from image_harness.engine.toolbox.host import inspect  # noqa: PLC0415 - only checks that use testinfra pay for it

    with inspect(
        container, architecture=design.image.platform.architecture, interpreter=design.image.interpreter
    ) as found:
        yield found


@pytest.fixture(scope="session")
def interpreter(harness_session: HarnessSession) -> InterpreterFacts:
    """What the image's interpreter says of itself and of the designed packages."""
    return harness_session.interpreter.facts


@pytest.fixture
def told(request: pytest.FixtureRequest, harness_session: HarnessSession) -> Mapping[str, Any]:
    """What the image's interpreter replied to what the check's ``asks`` mark asks: a JSON object."""
    asked = asked_by(request.node, harness_session.design)
    if asked is None:
        pytest.fail("the check asks nothing: mark it with @asks(...)", pytrace=False)
    return harness_session.interpreter.reply(Question(*asked)).json()


@pytest.fixture(scope="session")
def scenarios(harness_session: HarnessSession) -> Scenarios:
    """The image under the circumstances that the design names."""
    return harness_session.scenarios


@pytest.fixture(scope="session")
def clock(harness_session: HarnessSession) -> Clock:
    """Scales time limits to the measured slowness of emulation."""
    return harness_session.clock


@pytest.fixture(scope="session")
def run_container(harness_session: HarnessSession) -> RunContainer:
    """A function that runs another container of the image, for a ``with`` block."""

    def run(options: RunOptions) -> contextlib.AbstractContextManager[Container]:
        return harness_session.engine.run(harness_session.engine_image, options)

    return run
