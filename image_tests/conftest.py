"""What the checks of more than one section look at."""

from __future__ import annotations

import pytest

from image_harness.design import Design
from image_harness.dockerfile import Dockerfile, Stage
from image_harness.image import FileSystem
from image_harness.image.python_distributions import Distribution, python_distributions


@pytest.fixture(scope="session")
def builder(dockerfile: Dockerfile) -> Stage:
    """The stage that packages are installed in."""
    return dockerfile.stages[0]


@pytest.fixture(scope="session")
def runtime(dockerfile: Dockerfile) -> Stage:
    """The stage that becomes the image."""
    return dockerfile.final


@pytest.fixture(scope="session")
def distributions(filesystem: FileSystem, design: Design) -> tuple[Distribution, ...]:
    """The Python distributions of the image."""
    return python_distributions(filesystem, design.site_packages.path)
