"""Which design, which image: the wiring of this repository, without logic."""

from __future__ import annotations

import sys
from pathlib import Path

from image_harness import Subject

ROOT = Path(__file__).parent


def pytest_image_harness_subject() -> Subject:
    """Introduce the monitor image."""
    return Subject(
        root=ROOT,
        design=ROOT / "designs" / "rdp-monitor.yaml",
        checks=ROOT / "image_tests",
        dockerfile=ROOT / "Dockerfile.monitor",
        build=(sys.executable, str(ROOT / "buildx" / "build.py")),
        mutants=ROOT / "image_tests" / "mutants",
    )
