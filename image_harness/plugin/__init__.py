"""The pytest plugin: options, fixtures, the tracing rules, verdicts of three values, reports.

It does nothing until a ``conftest.py`` implements ``pytest_image_harness_subject`` and the run collects from the
folder of checks that the subject names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.marks import ASKS, MARK_NAME
from image_harness.plugin import hookspecs
from image_harness.plugin.options import add_options, read_options
from image_harness.plugin.tracing import RELEASE_MARK
from image_harness.types import Evidence


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the command-line contract."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook that a conftest.py introduces its repository with."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks and, when the run is one of a subject's checks, the part that judges it."""
    config.addinivalue_line("markers", f"{MARK_NAME}(*ids, for_each=None): the requirements that a check decides")
    config.addinivalue_line("markers", f"{ASKS}(code, arguments): what a check asks of the image's interpreter")
    for kind in Evidence:
        config.addinivalue_line("markers", f"{kind.value}: decided by {kind.value} evidence")
    config.addinivalue_line("markers", f"{RELEASE_MARK}: as-designed timing, slow; only when selected by name")
    subject = config.hook.pytest_image_harness_subject(config=config)
    if subject is None or not _collects_from(config, subject.checks):
        return
    from image_harness.plugin import fixtures  # noqa: PLC0415 - runs of other tests do without these imports
    from image_harness.plugin.suite import Suite  # noqa: PLC0415

    try:
        config.pluginmanager.register(fixtures, "image-harness-fixtures")
        config.pluginmanager.register(Suite(config, subject, read_options(config)), "image-harness-suite")
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def _collects_from(config: pytest.Config, checks: Path) -> bool:
    paths = (Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args)
    return any(path.is_relative_to(checks) or checks.is_relative_to(path) for path in paths)
