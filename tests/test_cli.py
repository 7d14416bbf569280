from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.report.json import render_json
from tests.report.generate import good_report

MONITOR = Path(__file__).parents[1] / "designs" / "rdp-monitor.yaml"


def test_design_lists_every_requirement(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", str(MONITOR)]) == 0

    printed = capsys.readouterr()
    assert "user.config" in printed.out
    assert len(printed.out.splitlines()) > 300
    assert "requirements; sha256:" in printed.err


def test_design_speaks_json_to_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", str(MONITOR), "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "rdp-monitor"
    assert {"id", "evidence", "origin", "text"} <= set(document["requirements"][0])


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["design", str(tmp_path / "nowhere.yaml")]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "nowhere.yaml: cannot be read" in printed.err


def test_an_engine_that_does_not_answer_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/no.sock"

    assert main(["clean", "--engine", url]) == 2

    assert url in capsys.readouterr().err


@pytest.mark.parametrize("of", ["design", "report"])
def test_schemas_are_printed_as_json(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", of]) == 0

    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


@pytest.mark.engine
def test_clean_says_how_much_it_removed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean"]) == 0

    assert "of dead runs removed" in capsys.readouterr().out


def test_an_interrupted_command_says_so_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("image_harness.design.load_design", interrupt)

    assert main(["design", str(MONITOR)]) == 130
    assert capsys.readouterr().err == "image-harness: interrupted\n"


def output_to(place: str, *arguments: str, unbuffered: bool) -> subprocess.CompletedProcess[str]:
    """Run the command with its output going to a file, or to nobody who reads."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""}
    command = [sys.executable, "-m", "image_harness.cli", *arguments]
    reading, writing = (-1, os.open(place, os.O_WRONLY)) if place else os.pipe()
    if not place:
        os.close(reading)
    try:
        return subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    finally:
        os.close(writing)


@pytest.mark.parametrize("unbuffered", [False, True])
def test_an_outcome_that_nobody_read_is_not_a_good_one(unbuffered: bool) -> None:
    """Scripts decide by the exit code, in a pipe like anywhere else."""
    done = output_to("", "design", str(MONITOR), "--json", unbuffered=unbuffered)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("unbuffered", [False, True])
def test_output_that_cannot_be_written_is_told_in_one_line(unbuffered: bool) -> None:
    done = output_to("/dev/full", "design", str(MONITOR), "--json", unbuffered=unbuffered)
    assert (done.returncode, done.stderr) == (2, "image-harness: No space left on device\n")


@pytest.mark.parametrize("summary", [False, True])
def test_a_command_without_an_output_does_what_it_does(summary: bool, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(render_json(good_report()), encoding="utf-8")
    arguments = ["summary", str(report)] if summary else ["design", str(MONITOR), "--json"]
    closed = ["bash", "-c", 'exec "$@" >&-', "bash", sys.executable, "-m", "image_harness.cli", *arguments]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_terminal_has_no_letters_for_is_written_as_escapes(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(render_json(good_report()), encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    environment.pop("GITHUB_STEP_SUMMARY", None)
    command = [sys.executable, "-m", "image_harness.cli", "summary", "--github", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "## \\U0001f7e9 MET" in done.stdout


def test_what_was_said_before_a_problem_is_not_lost() -> None:
    program = """
import argparse, image_harness.cli as cli
def action(_):
    print("said")
    open("/nowhere/file")
cli._parser = lambda: type("Parser", (), {"parse_args": lambda *_: argparse.Namespace(action=action)})()
raise SystemExit(cli.main([]))
"""
    command, environment = [sys.executable, "-c", program], {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    told = (done.returncode, done.stdout, done.stderr)
    assert told == (2, "said\n", "image-harness: /nowhere/file: No such file or directory\n")
