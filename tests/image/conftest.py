"""What the tests of the image's reader share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_harness.image import FileSystem, ImageError

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from tests.image.builder import Entries, ImageBuilder, Open, open_built  # noqa: E402 - only now can it be found


@pytest.fixture
def open_layers(tmp_path: Path) -> Iterator[Open]:
    """Make an image of layers, lowest first, and give its file system; the image is closed after the test."""
    with ExitStack() as images:

        def open_image(*layers: Entries) -> FileSystem:
            build = ImageBuilder()
            for number, entries in enumerate(layers):
                build.layer(entries, f"STEP {number}")
            return images.enter_context(open_built(build, tmp_path)).filesystem

        yield open_image


@pytest.fixture(autouse=True)
def a_place_for_every_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is told what is wrong is always told where, whatever the test looks at."""
    make = ImageError.__init__

    def make_with_a_place(self: ImageError, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        # What is no reference is its own place.
        assert where or what.startswith("not an image reference: "), f"a problem without a place: {what}"
        assert where != "None"
        make(self, what, where=where, fix=fix)

    monkeypatch.setattr(ImageError, "__init__", make_with_a_place)
