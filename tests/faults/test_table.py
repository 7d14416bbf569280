"""What the documentation says is injected is what is injected."""

from __future__ import annotations

from pathlib import Path

from tests.faults.table import table

_PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def test_the_page_has_every_call_with_every_fault() -> None:
    lines = [line for line in _PAGE.read_text().splitlines() if line.startswith("|")]
    first = lines.index(table().splitlines()[0])
    assert lines[first : first + len(table().splitlines())] == table().splitlines()
