"""The two stages of the Dockerfile, by the names that the design has for them."""

from __future__ import annotations

import pytest

from image_harness.dockerfile import Dockerfile, Stage


@pytest.fixture(scope="session")
def builder(dockerfile: Dockerfile) -> Stage:
    """The stage that packages are installed in."""
    return dockerfile.stages[0]


@pytest.fixture(scope="session")
def runtime(dockerfile: Dockerfile) -> Stage:
    """The stage that becomes the image."""
    return dockerfile.final
