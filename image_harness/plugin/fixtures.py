"""The fixtures that checks are written with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from image_harness.plugin.session import SESSION, HarnessSession

if TYPE_CHECKING:
    from image_harness.design import Design
    from image_harness.dockerfile import Dockerfile
    from image_harness.engine import Engine
    from image_harness.image import FileSystem, Image


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
