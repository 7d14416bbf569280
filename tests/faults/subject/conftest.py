"""The wiring of the small repository; how long calls may take is shortened for tests that let them take longer."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import image_harness.engine_api
import image_harness.image.daemon
from image_harness import Subject

ROOT = Path(__file__).parent

if _LIMIT := os.environ.get("SMALL_LIMIT"):
    for module, name in ((image_harness.engine_api, "_REQUEST"), (image_harness.image.daemon, "_SILENCE")):
        setattr(module, name, timedelta(seconds=float(_LIMIT)))


def pytest_image_harness_subject() -> Subject:
    """Introduce the small image."""
    return Subject(root=ROOT, design=ROOT / "design.yaml", checks=ROOT / "checks")
