"""Section 9 of the report: configuration management."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_harness import asks, requirement
from image_harness.design import Design
from image_harness.engine import InterpreterFacts
from image_harness.plugin.running import Running

# Loads the image's own configuration module four times, with the sources that each case has and no others.
PROGRAM = """
import importlib, json, os, pathlib, sys, tempfile
module, function, setting, variable, file_variable = sys.argv[1:]
load = getattr(importlib.import_module(module), function)
def value(environment):
    for name in (variable, file_variable):
        os.environ.pop(name, None)
    os.environ.update(environment)
    return getattr(load(), setting)
file = pathlib.Path(tempfile.mkdtemp()) / "config.yaml"
file.write_text(f"{setting}: 7")
print(json.dumps({
    "defaults": value({}),
    "file": value({file_variable: str(file)}),
    "environment": value({variable: "9"}),
    "both": value({file_variable: str(file), variable: "9"}),
}))
"""


def what_to_load(design: Design) -> tuple[str, ...]:
    """Return the program's arguments."""
    wanted = design.runtime.configuration
    return wanted.module, wanted.function, wanted.setting, wanted.variable, wanted.file_variable


loads = asks(PROGRAM, what_to_load)


@requirement("configuration.defaults")
@loads
def test_default_without_any_source(told: Mapping[str, Any], design: Design) -> None:
    assert told["defaults"] == design.runtime.configuration.default


@requirement("configuration.yaml-over-defaults")
@loads
def test_file_wins_over_the_default(told: Mapping[str, Any]) -> None:
    assert told["file"] == 7


@requirement("configuration.environment")
@loads
def test_environment_wins_over_the_default(told: Mapping[str, Any]) -> None:
    assert told["environment"] == 9


@requirement("configuration.environment-over-yaml")
@loads
def test_environment_wins_over_the_file(told: Mapping[str, Any]) -> None:
    assert told["both"] == 9


@requirement("configuration.yaml-optional")
def test_service_starts_without_a_file(running: Running, interpreter: InterpreterFacts, design: Design) -> None:
    assert design.runtime.configuration.file_variable not in interpreter.environment
    assert running.answer.answered, running.answer.reason
