"""A pytest plugin that leaves only the checks of requirements that the environment names."""

from __future__ import annotations

import os

import pytest

from image_harness.plugin.tracing import checks_of

VARIABLE = "PEERS_REQUIREMENTS"
"""Holds the requirements' ids, with commas between them."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the other checks."""
    wanted = set(os.environ[VARIABLE].split(","))
    kept = [item for item in items if any(wanted & set(check.ids) for check in checks_of(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
