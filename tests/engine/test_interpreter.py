from __future__ import annotations

import pytest

from image_harness.engine import Container, EngineError, ImportResult, interpreter_facts
from image_harness.engine.interpreter import parse_interpreter_facts


@pytest.mark.parametrize("output", ["", "{}", "[1]", "Traceback"])
def test_other_output_is_an_error(output: str) -> None:
    with pytest.raises(EngineError, match="no facts"):
        parse_interpreter_facts(output)


@pytest.mark.engine
def test_imports_are_tried_one_by_one_in_one_command(container: Container) -> None:
    facts = interpreter_facts(container, ("json", "this_is_missing", "this"))
    assert facts.imports["json"].file == "/usr/lib/python3.11/json/__init__.py"
    assert facts.imports["this"].error is None
    assert facts.imports["this_is_missing"] == ImportResult(
        None, "ModuleNotFoundError: No module named 'this_is_missing'"
    )
    assert (facts.uid, facts.gid, facts.machine, facts.working_directory) == (65532, 65532, "aarch64", "/app")
    assert facts.environment["ADDED"] == "a=b"
    assert "LANG" not in facts.environment
