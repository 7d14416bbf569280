"""The hook by which a repository's conftest.py introduces itself."""

from __future__ import annotations

import pytest

from image_harness.subject import Subject


@pytest.hookspec(firstresult=True)
def pytest_image_harness_subject(config: pytest.Config) -> Subject | None:
    """Return the subject of this repository, or None when it has none."""
