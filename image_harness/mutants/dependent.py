"""A pytest plugin for a run that ends with the process that started it.

Its mutant is nobody's any more then, and as long as it went on, its image could not be removed.
"""

from __future__ import annotations

from image_harness.plugin.workers import end_with_parent


def pytest_configure() -> None:
    """Let the kernel see to it."""
    end_with_parent()
