"""Images with one defect each, built on top of the good one: the suite must say no, and say what is wrong.

Each is checked by a run of its own, as a user would start it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from image_harness.design import load_design

ROOT = Path(__file__).parents[2]
DESIGN = load_design(ROOT / "designs" / "rdp-monitor.yaml")
PYTHON = DESIGN.image.interpreter
USER = DESIGN.image.user
SITE_PACKAGES = DESIGN.site_packages.path

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@dataclass(frozen=True)
class Defect:
    """A defective image and what the suite must say of it."""

    name: str
    instructions: tuple[str, ...]
    not_met: frozenset[str]
    words: tuple[str, ...]
    selection: str = "image"


def removed(path: str) -> str:
    """An instruction that removes a folder from an image without a shell."""
    return f'RUN ["{PYTHON}", "-c", "import shutil; shutil.rmtree(\'{path}\')"]'


def written(path: str, content: str) -> str:
    """An instruction that overwrites a file in an image without a shell."""
    return f"RUN [\"{PYTHON}\", \"-c\", \"open('{path}', 'w').write('{content}')\"]"


MARKER = next(marker for marker in DESIGN.markers if marker.slug == "packages")
PROBE = json.dumps([*DESIGN.health_check.test[1:-1], DESIGN.health_check.test[-1].replace("8093", "8094")])

DEFECTS = [
    Defect(
        "a label changed",
        ('LABEL com.lucid.cluster="Application"',),
        frozenset({"labels.com.lucid.cluster"}),
        ("com.lucid.cluster", "'Application' == 'application'"),
    ),
    Defect(
        "USER root",
        ("USER root",),
        frozenset({"user.config"}),
        ("user", "'root' == '65532:65532'"),
    ),
    Defect(
        "an empty marker",
        (f"USER {USER}", written(MARKER.path, "")),
        frozenset({"markers.packages.content"}),
        (MARKER.path, "holds ''", MARKER.text),
    ),
    Defect(
        "a package removed",
        (f"USER {USER}", removed(f"{SITE_PACKAGES}/httpx")),
        frozenset({"site-packages.present.httpx", "python.records", "layers.nothing-deleted"}),
        (f"httpx is not in {SITE_PACKAGES}",),
    ),
    Defect(
        "port 8094",
        ("ENV RDP_MONITOR_PORT=8094", "EXPOSE 8094"),
        frozenset({"env.RDP_MONITOR_PORT", "expose"}),
        ("'8094' == '8093'", "8094/tcp"),
    ),
    Defect(
        "health check on the wrong port",
        (f"HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD {PROBE}",),
        frozenset({"health.test"}),
        ("8094", "8093"),
    ),
    Defect(
        "CMD in shell form",
        (f"CMD {PYTHON} {DESIGN.application.entrypoint}",),
        frozenset({"entrypoint.cmd", "entrypoint.cmd-exec-form", "entrypoint.cmd-exists"}),
        ("/bin/sh",),
    ),
]


@pytest.fixture
def defective(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A defective image in the engine, taken away again afterwards."""
    defect: Defect = request.param
    tag = f"image-harness-defect:{uuid.uuid4().hex[:12]}"
    dockerfile = "\n".join([f"FROM {DESIGN.image.reference}", *defect.instructions, ""])
    (tmp_path / "Dockerfile").write_text(dockerfile)
    build = [
        "docker",
        "buildx",
        "build",
        "--platform",
        "linux/arm64",
        "--provenance=false",
        "-q",
        "-t",
        tag,
        str(tmp_path),
    ]
    try:
        subprocess.run(build, check=True, capture_output=True)
        yield tag
    finally:
        subprocess.run(["docker", "image", "rm", "-f", tag], check=False, capture_output=True)


def check(tag: str, selection: str, report: Path) -> subprocess.CompletedProcess[str]:
    """Run the suite on an image, as a user would."""
    command = [sys.executable, "-m", "pytest", "image_tests", "--image", tag, "-m", selection, "--report", str(report)]
    environment = {**os.environ, "NO_COLOR": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("defective", "defect"),
    [pytest.param(defect, defect, id=defect.name.replace(" ", "-")) for defect in DEFECTS],
    indirect=["defective"],
)
def test_a_defect_is_told_and_nothing_else_is(defective: str, defect: Defect, tmp_path: Path) -> None:
    done = check(defective, defect.selection, tmp_path / "report")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    not_met = {requirement["id"] for requirement in report["requirements"] if requirement["status"] == "not-met"}
    unproven = {requirement["id"] for requirement in report["requirements"] if requirement["status"] == "unproven"}

    assert done.returncode == 1
    assert report["verdict"] == "not-met"
    assert not_met == defect.not_met
    assert unproven == set()
    assert [word for word in defect.words if word not in done.stdout] == []
