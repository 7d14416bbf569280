"""What the tests of differences share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_harness.image import Image

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from tests.image.builder import ImageBuilder, open_built  # noqa: E402 - only now can it be found


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[ImageBuilder], Image]]:
    """Open images that are made in memory; they are closed after the test."""
    with ExitStack() as images:

        def open_it(build: ImageBuilder) -> Image:
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()
            return images.enter_context(open_built(build, folder))

        yield open_it
