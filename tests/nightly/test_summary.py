from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.nightly.summary import commands, job_summary
from image_harness.report.advice import issues
from image_harness.report.json import render_json
from image_harness.report.model import CheckOutcome
from tests.report.generate import check, good_report, hostile_report, report, requirement, whole_report


def test_the_page_has_a_bar_for_each_section_and_a_line_for_each_issue() -> None:
    made = whole_report()
    page = job_summary(made)

    rows = [line for line in page.splitlines() if re.search("🟩|🟥|🟨", line) and line.startswith("| ")]
    assert len(rows) == len(made.sections) + len(issues(made))
    assert re.search(r"^\| Builder Stage Pattern \| 🟩+🟥🟨⬜ \| 93 % \| 30/32 met \|$", page, re.MULTILINE)
    assert page.startswith("## 🟥 NOT MET: rdp-monitor")


def test_a_section_that_was_not_selected_is_told_as_such() -> None:
    assert f"| {'⬜' * 20} | - | not selected |" in job_summary(report(requirement("a", selected=False)))


def test_the_page_names_the_image_by_the_best_name_that_it_has() -> None:
    made = report(requirement("a", check("x")))
    by_config = replace(made.image, manifest_digest=None)
    by_name = replace(by_config, config_digest=None, layers=(), reference="docker-daemon:a")

    for image, name in (
        (made.image, str(made.image.manifest_digest)),
        (by_config, str(made.image.config_digest)),
        (by_name, "docker-daemon:a"),
    ):
        assert f"<code>{name.replace(':', '&#58;')}</code>" in job_summary(replace(made, image=image))


def test_more_issues_than_anybody_reads_are_counted() -> None:
    failed = [requirement(f"a.{number}", check("x", CheckOutcome.FAILED, message="no")) for number in range(51)]

    assert "more." not in job_summary(report(*failed[:50]))
    assert job_summary(report(*failed)).endswith("\n\nAnd 1 more.\n")


def test_a_good_report_has_a_page_without_issues_and_no_annotation(tmp_path: Path) -> None:
    assert job_summary(good_report()).startswith("## 🟩 MET")
    assert "| Found |" not in job_summary(good_report())
    assert commands(good_report(), tmp_path) == []


def test_an_annotation_stands_where_the_check_is_written(tmp_path: Path) -> None:
    module = tmp_path / "image_tests" / "test_made_up.py"
    module.parent.mkdir()
    module.write_text("def test_other():\n    pass\n\n\ndef test_it():\n    pass\n")
    failed = requirement("made.up", check("test_it[key]", CheckOutcome.FAILED, message="assert 1 == 2"))

    (line,) = commands(report(failed), tmp_path)

    assert line.startswith("::error file=image_tests/test_made_up.py,line=5,title=not met%3A made.up::")
    assert line.endswith("%0Aassert 1 == 2")


def test_a_check_that_is_not_in_the_repository_has_no_place(tmp_path: Path) -> None:
    failed = requirement("made.up", check("test_it", CheckOutcome.FAILED, message="no"))

    assert commands(report(failed), tmp_path)[0].startswith("::error title=not met%3A made.up::")


@pytest.mark.parametrize(
    "nodeid", ["image_tests/a\0b.py::test_it", "\0", f"{'a' * 5000}.py::test_it", "/etc/passwd::a"]
)
def test_what_is_no_path_in_the_repository_has_no_place(nodeid: str, tmp_path: Path) -> None:
    failed = requirement("made.up", replace(check("test_it", CheckOutcome.FAILED, message="no"), nodeid=nodeid))

    assert commands(report(failed), tmp_path)[0].startswith("::error title=not met%3A made.up::")


def test_unproven_and_retried_are_told_as_such(tmp_path: Path) -> None:
    lines = commands(
        report(
            requirement("a", check("x", CheckOutcome.ERROR, message="gone")), requirement("b", check("y", retries=1))
        ),
        tmp_path,
    )

    assert ["title=unproven%3A a" in lines[0], "title=unproven%2C retried%3A b" in lines[1]] == [True, True]


def test_more_than_a_step_can_show_are_counted(tmp_path: Path) -> None:
    failed = [requirement(f"a.{number}", check("x", CheckOutcome.FAILED, message="no")) for number in range(30)]

    lines = commands(report(*failed), tmp_path)

    assert len(lines) == 10
    assert lines[-1] == "::error::21 more requirements are not met or unproven"
    assert lines[:9] == commands(report(*failed[:9]), tmp_path)


def test_nothing_that_an_image_says_becomes_a_command_or_markup(tmp_path: Path) -> None:
    made = hostile_report()

    for line in commands(made, tmp_path):
        assert "\n" not in line
        assert line.count("::") >= 2
        assert not re.search(r"[\x00-\x1f]", line)
        assert ":" not in line.removeprefix("::error ").partition("::")[0]
    page = job_summary(made)
    assert not re.search(r"<(?!/?code>)", page)
    assert "](" not in page
    assert "://" not in page
    assert all(line.count("|") in (0, 4, 5) for line in page.splitlines())


def test_the_command_writes_the_page_of_the_job_and_prints_annotations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, page = tmp_path / "report.json", tmp_path / "page.md"
    file.write_text(render_json(whole_report()), "utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    page.write_text("what another step wrote\n")

    assert main(["summary", "--github", str(file)]) == 0

    assert page.read_text("utf-8") == "what another step wrote\n" + job_summary(whole_report())
    assert all(line.startswith("::error") for line in capsys.readouterr().out.splitlines())


def test_without_github_the_command_says_what_the_run_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    file.write_text(render_json(whole_report()), "utf-8")

    assert main(["summary", str(file)]) == 0

    assert capsys.readouterr().out.splitlines()[-1].startswith("NOT MET: ")


def test_the_digest_alone_is_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    file.write_text(render_json(whole_report()), "utf-8")

    assert main(["summary", "--digest", str(file)]) == 0

    assert capsys.readouterr().out == f"{whole_report().image.manifest_digest}\n"
