from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff.run import Run, run_checks
from image_harness.types import Status

ROOT = Path(__file__).parents[2]
# A conftest.py that notes how it was run and leaves a report, where the plugin would.
CONFTEST = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from image_harness.report import write_reports
from tests.report.generate import check, report, requirement

def pytest_sessionfinish(session):
    out = Path(session.config.getoption("--report"))
    lines = [session.config.option.markexpr, session.config.getoption("--image"), session.config.getoption("--engine")]
    (out / "asked").write_text("\\n".join([*lines, *(item.name for item in session.items)]))
    write_reports(report(requirement("one", check("one"))), out)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "checks").mkdir(parents=True)
    (root / "out").mkdir()
    (root / "conftest.py").write_text(CONFTEST)
    (root / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")
    return root


def run(root: Path, module: str, *, quiet: bool = True) -> Run:
    (root / "checks" / "test_it.py").write_text(module)
    return run_checks(root, root / "checks", image="oci:/x", engine="docker", out=root / "out", quiet=quiet)


def test_the_slow_checks_are_run_too_and_the_report_is_read(repository: Path) -> None:
    done = run(repository, "import pytest\n\n@pytest.mark.release\ndef test_slow(): pass\n\ndef test_fast(): pass\n")

    assert done.exit_code == 0
    assert done.report.verdict is Status.MET
    asked = (repository / "out" / "asked").read_text().splitlines()
    assert asked == ["release or not release", "oci:/x", "docker", "test_slow", "test_fast"]


def test_options_in_the_environment_leave_nothing_out(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k fast")

    run(repository, "def test_slow(): pass\n\ndef test_fast(): pass\n")

    assert "test_slow" in (repository / "out" / "asked").read_text()


def test_a_failed_check_is_a_result(repository: Path) -> None:
    assert run(repository, "def test_one(): assert False\n").exit_code == 1
    assert "assert False" in (repository / "out" / "pytest.log").read_text()


@pytest.mark.parametrize(
    ("module", "code"),
    [("", 5), ("import nothing_of_that_name", 2), ("import os\n\ndef test_one(): os._exit(3)\n", 3)],
)
def test_a_run_that_came_to_no_end_is_no_result(module: str, code: int, repository: Path) -> None:
    with pytest.raises(HarnessError, match=rf"did not come to an end \(pytest's exit code {code}\); see .*pytest\.log"):
        run(repository, module)
