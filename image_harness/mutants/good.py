"""The good image and its sources, which every mutant is derived from: read once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image_harness.design import Design, load_design
from image_harness.errors import HarnessError
from image_harness.image import Image, ImageReference
from image_harness.image.image import ImageParts, merge_parts, read_parts
from image_harness.subject import Subject


@dataclass(frozen=True, slots=True)
class Good:
    """What mutants are made from.

    Attributes:
        subject: The repository.
        design: What the image is held against.
        parts: The image's documents and layers.
        image: The image.
        dockerfile: The Dockerfile's text.
    """

    subject: Subject
    design: Design
    parts: ImageParts
    image: Image
    dockerfile: str

    def source(self, path: str) -> str:
        """Return the text of a file of the repository.

        Raises:
            HarnessError: It cannot be read.
        """
        return _text(self.subject.root / path)


@contextlib.contextmanager
def open_good(subject: Subject, reference: ImageReference, *, docker_host: str | None = None) -> Iterator[Good]:
    """Read the good image and its sources.

    Raises:
        HarnessError: Something cannot be read.
    """
    design = load_design(subject.design)
    if subject.dockerfile is None:
        raise HarnessError("mutants need a Dockerfile", where=str(subject.root), fix="name one in the subject")
    dockerfile = _text(subject.dockerfile)
    with contextlib.ExitStack() as files:
        parts = read_parts(reference, files, platform=design.image.platform, docker_host=docker_host)
        yield Good(subject, design, parts, merge_parts(reference, parts, contextlib.ExitStack()), dockerfile)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"cannot be read: {error}", where=str(path)) from None
