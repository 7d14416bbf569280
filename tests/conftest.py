"""Tests that need an engine find the monitor image in it: it is built first when it is stale.

Tests that bring images of their own are marked ``engine(image=False)``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from image_harness.build import build, is_stale
from image_harness.errors import HarnessError

ROOT = Path(__file__).parents[1]
BUILD = (sys.executable, str(ROOT / "buildx" / "build.py"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the image once, before the first test, with the build's own progress on the screen."""
    marks = [item.get_closest_marker("engine") for item in session.items]
    needed = any(mark is not None and mark.kwargs.get("image", True) for mark in marks)
    if not needed or session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            if is_stale(BUILD, root=ROOT, environment={}):
                build(BUILD, root=ROOT, environment={})
    except HarnessError as error:
        pytest.exit(f"tests with an engine need the image: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
