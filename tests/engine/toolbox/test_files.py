from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from image_harness.engine.toolbox.files import FileReports
from image_harness.engine.toolbox.session import ToolResult


def listing(*names: str) -> ToolResult | None:
    session: Any = SimpleNamespace(names=lambda _: list(names))
    return FileReports(session, timedelta(seconds=1)).ls(["ls", "-1", "-q", "--", "/folder"])


def test_names_are_listed_in_order_without_hidden_ones() -> None:
    assert listing("b", "a c", ".hidden", "café") == ToolResult(0, "a c\nb\ncafé\n".encode(), b"")
    assert listing() == ToolResult(0, b"", b"")


@pytest.mark.parametrize(
    "name", ["a\nshadow", "a\rshadow", "a\x1bshadow", "a\x85shadow", "a\u2028shadow", "a\udcffshadow"]
)
def test_a_name_is_one_line_of_text_whatever_is_in_it(name: str) -> None:
    assert listing(name, "z") == ToolResult(0, b"a?shadow\nz\n", b"")
