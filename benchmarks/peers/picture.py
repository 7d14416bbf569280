"""A comparison as SVG: what each tool makes of each assertion, and what it costs.

Nothing is told by colour alone: each cell holds its verdict's sign as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from benchmarks.peers.model import Comparison, Tool, Verdict

_WIDTH = 1000
_NAMES = 268  # for the longest name of a mutant
_COLUMN = (_WIDTH - _NAMES) // len(Tool)
_LEFT = 200  # for the longest name of a tool
_ROW = 22
_BAR = 18
_SIGNS = {
    Verdict.CAUGHT: "✓",
    Verdict.MISSED: "✗",
    Verdict.BLIND: "✗",
    Verdict.FALSE_ALARM: "!",
    Verdict.NO_ANSWER: "?",
    Verdict.INEXPRESSIBLE: "\N{EN DASH}",
}
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .background { fill: #fff }
  .head { font-weight: 600 }
  .small { fill: #59636e }
  .caught { fill: #b4e3c0 } .missed, .passes-blindly { fill: #ffc2bd } .false-alarm { fill: #ffd8a8 }
  .cannot-look { fill: #fff0b3 } .cannot-say { fill: #e8eaed }
  .bar { fill: #9db3c9 } .own { fill: #3f7fbf }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .background { fill: #0d1117 } .small { fill: #9198a1 }
    .caught { fill: #1d5c31 } .missed, .passes-blindly { fill: #7d2a26 } .false-alarm { fill: #7a4a12 }
    .cannot-look { fill: #5f5210 } .cannot-say { fill: #2b3038 } .bar { fill: #4a5a6b } .own { fill: #3f7fbf }
  }
"""


def svg(comparison: Comparison) -> str:
    """Return the plot."""
    below, parts = 30, []
    for draw in (_matrix, _costs):
        drawn, below = draw(comparison, below)
        parts += drawn
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {below}" width="{_WIDTH}" height="{below}" '
        f'role="img">\n<title>Against the peers</title>\n<style>{_STYLE}</style>\n'
        f'<rect class="background" width="{_WIDTH}" height="{below}"/>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def _matrix(comparison: Comparison, top: int) -> tuple[list[str], int]:
    """Draw a cell for each assertion and tool; return the drawing, and where it ends."""
    parts = [_text(10, top, "seeded defect", "head")]
    parts += [_text(_x(place), top, tool, "head") for place, tool in enumerate(Tool)]
    for row in comparison.rows:
        top += _ROW
        parts.append(_text(10, top, row.mutant))
        for place, tool in enumerate(Tool):
            verdict = comparison.verdict(row, tool)
            name = verdict.replace(" ", "-")
            parts.append(_box(name, _x(place), top - 15, _COLUMN - 6, _ROW - 3))
            parts.append(_text(_x(place) + 8, top, f"{_SIGNS[verdict]} {verdict}"))
    return parts, top + 2 * _ROW


def _costs(comparison: Comparison, top: int) -> tuple[list[str], int]:
    """Draw bars for seconds and memory."""
    checks = comparison.structure_checks
    plots: tuple[tuple[str, dict[Tool, float], Callable[[float], str]], ...] = (
        (
            "seconds, all assertions that the tool can express, good image",
            {tool: cost.typical_seconds for tool, cost in comparison.costs.items()},
            lambda value: f"{value:.1f} s",
        ),
        (
            f"seconds, the same {checks} checks",
            {tool: cost.typical_seconds for tool, cost in comparison.structure.items()},
            lambda value: f"{value:.1f} s",
        ),
        (
            "peak memory",
            {tool: cost.typical_mib for tool, cost in comparison.costs.items()},
            lambda value: f"{value:.0f} MiB",
        ),
    )
    parts: list[str] = []
    for title, values, words in plots:
        parts.append(_text(10, top, title, "head"))
        parts += _bars(values, words, top)
        top += (len(values) + 2) * _ROW
    return parts, top


def _bars(values: dict[Tool, float], words: Callable[[float], str], top: int) -> Iterator[str]:
    longest = _WIDTH - _LEFT - 100
    for tool, value in values.items():
        top += _ROW
        width = max(1, round(longest * value / max(values.values())))
        yield _text(10, top, tool)
        yield _box("own" if tool is Tool.HARNESS else "bar", _LEFT, top - 14, width, _BAR)
        yield _text(_LEFT + width + 6, top, words(value), "small")


def _x(place: int) -> int:
    return _NAMES + place * _COLUMN


def _text(x: int, y: int, words: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{named}>{escape(words)}</text>'


def _box(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="3"/>'
