"""The command's own errors and lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.mutants import Draft, Good, disk
from image_harness.mutants import command as command_module

CONFTEST = """
from pathlib import Path
from image_harness import Subject

def pytest_image_harness_subject(config):
    root = Path(__file__).parent
    return Subject(root=root, design=Path({design!r}), checks=root / "checks", dockerfile=root / "Dockerfile",
                   mutants=root / "mutants")
"""
MUTANTS = """
from image_harness.mutants import mutant

def mutants(good):
    yield mutant("user.absent", "no user", "user.config", lambda draft: draft.run.pop("User"))
"""


@pytest.fixture
def repository(good: Good) -> Path:
    root = good.subject.root
    (root / "conftest.py").write_text(CONFTEST.format(design=str(good.subject.design)))
    (root / "mutants" / "user.py").write_text(MUTANTS)
    disk.write(Draft(good), root / "layout", "mutant:test")
    return root


def test_mutants_are_listed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["mutants", "--root", str(repository), "--image", f"oci:{repository}/layout", "--list"]

    assert main(command) == 0
    assert "user.config: no user" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"id": "user.absent", "what": "no user", "kind": "static", "kills": ["user.config"]}
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nothing"], "no mutant and no requirement 'nothing'"),
        (["--image", "oci:nowhere"], "nowhere"),
        (["-n", "0"], "must be at least 1"),
        (["--image", ""], "not an image reference: ''"),
        (["--only", "user.absent", "--kind", "format"], "none of these mutants is of the kind format"),
        (["--root", "/nowhere"], "conftest.py: there is no such file"),
    ],
)
def test_a_users_mistake_is_one_line(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    command = ["mutants", "--root", str(repository), "--image", f"oci:{repository}/layout", *arguments]

    assert main(command) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("batches", "engine", "told"),
    [
        (["one"], "unix:///run/engine.sock", True),
        (["one"], "tcp://192.0.2.1:2375", False),
        ([], "tcp://192.0.2.1:2375", False),
    ],
)
def test_how_busy_this_machine_is_counts_for_containers_of_this_machine(
    batches: list[str], engine: str, told: bool
) -> None:
    assert (command_module._spare({name: [] for name in batches}, engine) is not None) is told
