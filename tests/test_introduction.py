from __future__ import annotations

import sys
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.introduction import source_version, subject_of

ROOT = Path(__file__).parents[1]


def test_this_repository_introduces_itself() -> None:
    subject = subject_of(ROOT)

    assert subject.design == ROOT / "designs" / "rdp-monitor.yaml"
    assert subject.dockerfile == ROOT / "Dockerfile.monitor"


@pytest.mark.parametrize("conftest", [None, "", "def pytest_image_harness_subject(): return 3"])
def test_a_folder_that_does_not_is_told_so(conftest: str | None, tmp_path: Path) -> None:
    if conftest is not None:
        (tmp_path / "conftest.py").write_text(conftest)

    with pytest.raises(HarnessError, match="run this in the repository of the image, or name its folder"):
        subject_of(tmp_path)


def test_a_conftest_may_import_what_stands_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_the_conftest.py").write_text("DESIGN = 'design.yaml'\n")
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "from image_harness import Subject\n"
        "from beside_the_conftest import DESIGN\n"
        "def pytest_image_harness_subject(): return Subject(Path('.'), Path(DESIGN), Path('.'))\n"
    )
    before = list(sys.path)

    assert subject_of(tmp_path).design == Path("design.yaml")
    assert sys.path == before


def test_the_hook_may_ask_for_what_pytest_gives_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "from image_harness import Subject\n"
        "def pytest_image_harness_subject(config): return Subject(Path('.'), Path('design.yaml'), Path('.'))\n"
    )

    assert subject_of(tmp_path).design == Path("design.yaml")


@pytest.mark.parametrize(
    ("conftest", "words"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def pytest_image_harness_subject(): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def (", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit('no')", "SystemExit: no"),
    ],
)
def test_a_conftest_that_fails_is_told_in_one_line(conftest: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(conftest)
    before = list(sys.path)

    with pytest.raises(HarnessError) as caught:
        subject_of(tmp_path)
    assert f"{tmp_path}/conftest.py: it fails: {words}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("ARG VERSION=1.0.0\nFROM scratch\nARG VERSION\n", "1.0.0"),
        ('FROM scratch\nARG OTHER=1 VERSION="2.0"\n', "2.0"),
        ('FROM scratch\nARG VERSION="2 beta"\n', "2 beta"),
        ("FROM scratch\nARG VERSION=a\\ b\n", "a b"),
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
