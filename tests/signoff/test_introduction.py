from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.introduction import source_version, subject_of

ROOT = Path(__file__).parents[2]


def test_this_repository_introduces_itself() -> None:
    subject = subject_of(ROOT)

    assert subject.design == ROOT / "designs" / "rdp-monitor.yaml"
    assert subject.dockerfile == ROOT / "Dockerfile.monitor"


@pytest.mark.parametrize("conftest", [None, "", "def pytest_image_harness_subject(): return 3"])
def test_a_folder_that_does_not_is_told_so(conftest: str | None, tmp_path: Path) -> None:
    if conftest is not None:
        (tmp_path / "conftest.py").write_text(conftest)

    with pytest.raises(HarnessError, match="run this in the repository of the image, or name it with --source"):
        subject_of(tmp_path)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("ARG VERSION=1.0.0\nFROM scratch\nARG VERSION\n", "1.0.0"),
        ('FROM scratch\nARG OTHER=1 VERSION="2.0"\n', "2.0"),
        ("FROM scratch\nARG VERSION\n", None),
        ("FROM scratch\n", None),
    ],
)
def test_a_dockerfile_may_name_its_version(text: str, version: str | None, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(text)

    assert source_version(dockerfile) == version


def test_without_a_dockerfile_there_is_no_version() -> None:
    assert source_version(None) is None
