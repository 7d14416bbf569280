"""Builds and checks spread over two engines on one machine."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from image_harness.engine.client import resolve_url
from image_harness.history.store import Store
from image_harness.nightly.matrix import load_matrix
from image_harness.nightly.nodes import Node, Nodes, builder
from image_harness.nightly.runner import Runner
from image_harness.report import load_report
from image_harness.types import Status

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
BUILD = """
import pathlib, subprocess, sys
tag = sys.argv[sys.argv.index("--tag") + 1]
# From a file: buildx leaves behind what it copies from its standard input.
pathlib.Path("built.Dockerfile").write_text("FROM scratch\\nCOPY build.py /\\nUSER 65532:65532\\n")
command = ["docker", "buildx", "build", "--platform", "linux/arm64", "--tag", tag, "--load"]
sys.exit(subprocess.run([*command, "--file", "built.Dockerfile", "."]).returncode)
"""
CONFTEST = """
from pathlib import Path
from image_harness import Subject

def pytest_image_harness_subject():
    root = Path(__file__).parent
    return Subject(root=root, design=root / "design.yaml", checks=root / "image_tests", dockerfile=root / "Dockerfile")
"""
CHECK = """
from image_harness import requirement

@requirement("user.config")
def test_user(image, design):
    assert image.config.user == design.image.user
"""


@pytest.fixture
def first_engine() -> str:
    return resolve_url("docker")


def records(engine: str) -> str:
    """What an engine's BuildKit keeps of builds."""
    environment = {**os.environ, "DOCKER_HOST": engine}
    command = ["docker", "buildx", "du", "--builder", "default", "--verbose"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_each_platform_is_built_on_the_node_that_is_for_it(
    first_engine: str, second_engine: str, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /{mark}-$TARGETARCH\n")
    nodes = Nodes(
        build=(
            Node(endpoint=first_engine, driver="engine", platforms=("linux/amd64",)),
            Node(endpoint=second_engine, driver="engine", platforms=("linux/arm64",)),
        )
    )

    with builder(nodes) as environment:
        name = environment["BUILDX_BUILDER"]
        command = ["docker", "buildx", "build", "--platform", "linux/amd64,linux/arm64", "--output", "type=cacheonly"]
        subprocess.run([*command, str(tmp_path)], env={**os.environ, **environment}, check=True, capture_output=True)

    assert f"/{mark}-amd64" in records(first_engine)
    assert f"/{mark}-amd64" not in records(second_engine)
    assert f"/{mark}-arm64" in records(second_engine)
    assert f"/{mark}-arm64" not in records(first_engine)
    listed = subprocess.run(["docker", "buildx", "ls"], capture_output=True, text=True, check=True).stdout
    assert name not in listed, "the builder is gone with its use"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "repository"
    (root / "image_tests").mkdir(parents=True)
    (root / "build.py").write_text(BUILD)
    (root / "conftest.py").write_text(CONFTEST)
    (root / "Dockerfile").write_bytes((ROOT / "Dockerfile.monitor").read_bytes())
    (root / "pytest.ini").write_text("[pytest]\nenable_assertion_pass_hook = true\naddopts = --import-mode=importlib\n")
    (root / "image_tests" / "test_it.py").write_text(CHECK)
    (root / "design.yaml").write_text(f"extends: {ROOT / 'designs' / 'rdp-monitor.yaml'}\nname: made-up\n")
    reference = f"image-harness-test/nightly:{uuid.uuid4().hex[:12]}"
    image = {"reference": reference, "design": "design.yaml", "dockerfile": "Dockerfile"}
    matrix = {
        "engines": {"docker": {}},
        "emulations": {"distribution": {"runner": "any"}, "newest": {"runner": "any"}},
        "bases": {"stand-in": {"needs": "archive"}, "other": {"needs": "archive"}},
        "services": {"made-up": {"build": ["build.py"], "images": {"stand-in": image, "other": image}}},
    }
    (root / "nightly.yaml").write_text(yaml.safe_dump(matrix, sort_keys=False))
    yield root
    for bases in ("stand-in", "other"):
        subprocess.run(["docker", "image", "rm", f"{reference}-{bases}"], capture_output=True, check=False)


def test_cells_are_dealt_out_to_both_engines_and_the_image_is_brought_along(
    first_engine: str, second_engine: str, repository: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    matrix = load_matrix(repository / "nightly.yaml")
    night = date(2026, 3, 1)
    runner = Runner(repository, matrix, tmp_path / "out", night, said.append, checks=("image_tests/test_it.py",))

    with Store(str(tmp_path / "history.sqlite"), create=True) as store:
        outcomes = runner.run(matrix.cells, {"docker": (first_engine, second_engine)}, store)
        kept = store.runs()

    assert [outcome.run.absence for outcome in outcomes] == [""] * 4
    assert {outcome.run.verdict for outcome in outcomes} == {Status.MET}
    assert len({run.config for run in kept}) == 1, "both engines have checked the same image"
    for engine in (first_engine, second_engine):
        assert any(line.endswith(f": on {engine}") for line in said)
    assert load_report(outcomes[0].folder / "report.json").verdict is Status.MET


def test_a_build_that_fails_makes_its_cells_unproven_and_is_done_once(
    first_engine: str, repository: Path, tmp_path: Path
) -> None:
    (repository / "build.py").write_text("import sys\nprint('no space left')\nsys.exit(3)\n")
    matrix = load_matrix(repository / "nightly.yaml")
    said: list[str] = []
    runner = Runner(repository, matrix, tmp_path / "out", date(2026, 3, 1), said.append)

    with Store(str(tmp_path / "history.sqlite"), create=True) as store:
        runner.run(matrix.cells, {"docker": (first_engine,)}, store)
        kept = store.runs()

    assert {(run.verdict, run.absence) for run in kept} == {
        (Status.UNPROVEN, "the image was not built (exit code 3)"),
    }
    assert len(kept) == 4
    assert sum("building" in line for line in said) == 2, "once for each kind of bases"
    log = tmp_path / "out" / matrix.cells[0].name / "log.txt"
    assert "no space left" in log.read_text()
