from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.image import ImageReference, open_image
from image_harness.report import write_reports
from image_harness.report.model import CheckOutcome
from image_harness.types import Digest
from tests.image.builder import ImageBuilder, write_archive, write_directory
from tests.report.generate import check, report, requirement


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two images that differ in a label, one as a layout and one as an archive."""
    monkeypatch.chdir(tmp_path)
    old = ImageBuilder(run={"Labels": {"version": "1"}}).layer({"a": b""})
    new = ImageBuilder(run={"Labels": {"version": "2"}}).layer({"a": b""})
    return (
        write_directory(old.layout(), tmp_path / "old"),
        write_archive(new.docker_archive("x:latest"), tmp_path / "new.tar", "docker-archive"),
    )


def config_digest(reference: str) -> Digest:
    with open_image(ImageReference.parse(reference)) as image:
        return image.config_digest


def write_report(folder: Path, reference: str, outcome: CheckOutcome, *, later: timedelta = timedelta()) -> None:
    made = report(requirement("one", check("one", outcome, message="no")))
    image = replace(made.image, config_digest=config_digest(reference))
    write_reports(replace(made, image=image, run=replace(made.run, started=made.run.started + later)), folder)


def test_images_of_different_transports_are_compared(
    images: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *images]) == 0

    printed = capsys.readouterr()
    assert "- `~ version: 1 -> 2`" in printed.out
    assert "## Files" not in printed.out
    assert printed.err == "".join(f"diff: reading {reference}\n" for reference in images)
    main(["diff", "-q", *images])
    assert capsys.readouterr() == (printed.out, "")


def test_json_is_for_scripts(images: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *images, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["labels"][0]["new"] == "2"


def test_reports_are_found_by_the_images_digest(
    images: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path / "reports/a", images[0], CheckOutcome.PASSED)
    write_report(tmp_path / "reports/b", images[1], CheckOutcome.PASSED)
    write_report(tmp_path / "reports/c", images[1], CheckOutcome.FAILED, later=timedelta(hours=1))

    assert main(["diff", *images]) == 0
    assert "- `~ one: met -> not-met`" in capsys.readouterr().out

    files = [f"--reports={tmp_path}/reports/{name}/report.json" for name in "ab"]
    assert main(["diff", *images, *files]) == 0
    printed = capsys.readouterr().out
    assert "## Requirements" not in printed
    assert "not compared" not in printed


def test_a_report_of_one_image_alone_compares_nothing(
    images: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path / "reports", images[0], CheckOutcome.PASSED)

    assert main(["diff", *images]) == 0
    assert "Requirements are not compared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["oci:nowhere", "oci:old"], "nowhere"),
        (["oci:old", "oci:old", "--reports", "nowhere"], "nowhere: there is no such file or folder"),
        (["oci:old", "oci:old", "--platform", "arm64"], "not a platform: 'arm64'"),
        (["docker://registry/x", "oci:old"], "the transport docker:// is not supported"),
    ],
)
@pytest.mark.usefixtures("images")
def test_a_mistake_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "-q", *arguments]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert words in printed.err
