"""A small good image, and the repository that its mutants are made in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from image_harness import Subject
from image_harness.image import ImageReference
from image_harness.mutants.good import Good, open_good
from tests.image.builder import ImageBuilder, Node, directory, symlink, write_directory

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = """\
ARG VERSION=1.0.0
FROM python AS builder
ENV A=1 \\
    B=2
RUN echo A=1
FROM scratch
# USER nobody
USER 65532
"""


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(DOCKERFILE)
    (tmp_path / "mutants").mkdir()
    return Subject(
        root=tmp_path,
        design=REPOSITORY / "designs" / "rdp-monitor.yaml",
        checks=tmp_path / "checks",
        dockerfile=dockerfile,
        mutants=tmp_path / "mutants",
    )


@pytest.fixture
def good(subject: Subject, tmp_path: Path) -> Iterator[Good]:
    image = ImageBuilder(run={"User": "65532", "Env": ["A=1", "B=2"], "Labels": {"key": "value"}})
    image.layer({"etc": directory(), "etc/passwd": b"root\n", "bin": symlink("usr/bin"), "etc/both": b"below"})
    main = Node(b"print()\n", uid=65532, mtime=1_600_000_000)
    image.layer({"app": directory(uid=65532), "app/main.py": main, "etc/both": b"above"})
    image.history.append({"created_by": "USER 65532", "empty_layer": True})
    reference = ImageReference.parse(write_directory(image.layout(), tmp_path / "image"))
    with open_good(subject, reference) as found:
        yield found
