"""A comparison as Markdown, and in short."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.peers.model import Comparison, Cost, Row, Tool, Verdict

AIM = 30
"""How many times faster per check than container-structure-test the project wants to be."""
PROPERTY_LIMIT_MS = 5
"""What a property of ``host.file`` may take."""

_MOST_WORDS = 240
_INTRODUCTION = """# Against the peers

The same assertions as other tools express them best, on the same images, in one run; each has a [mutant](mutants.md)
that breaks it. `python -m benchmarks peers` measures and writes this page, the plot and [the numbers](peers.json).

![What each tool makes of each assertion, and what it costs](peers.svg)

- **caught**: green on the good image, red on the defective one
- **missed**: green on both
- **passes blindly**: green on both, and the same means has shown on the good image that it cannot look
- **false alarm**: red on the good image, too, without saying that it could not look
- **cannot look**: it ends with an error of its own on the good image or on the defective one
- **cannot say**: the tool has no words for the assertion
"""
_HOW = """How they were run: container-structure-test with its docker driver; goss as Debian 13 has it for the image's
architecture, mounted into a container of the image, whose C library it uses, and executed there (under emulation where
the machine is another); testinfra as it comes, by pytest with `--hosts docker://NAME`, `host.docker` from the machine
for what the configuration says; image-harness by `pytest image_tests`, only the checks of the requirements that stand
for the assertions. Seconds are wall time of one run on the good image, {rounds}, with everything
that the tool needs, the start of the service's container included where it looks at one. Peak memory is what all
processes of the tool had resident together, by looking twenty times a second (shared pages count for each process); the
engine, and what runs in containers other than goss, is not counted. On defective images only the assertion that the
defect breaks is run.
"""
_STRUCTURE = """Ten packages that are there, ten that the image's interpreter imports, one check of the configuration:
what container-structure-test was made for. It starts a container for every import; the harness imports everything in
one.
"""
_PROPERTY = "A property of `host.file` takes {took:.2f} ms once the toolbox is warm (limit {limit} ms).\n"


def markdown(comparison: Comparison) -> str:
    """Return the page."""
    rounds = len(comparison.costs[Tool.HARNESS].seconds)
    parts = [
        _INTRODUCTION,
        "\n".join(_tools(comparison)) + "\n",
        _HOW.format(rounds=f"the median of {rounds} runs" if rounds > 1 else "measured once"),
        f"Machine: {comparison.machine}.\n",
        "## Defects\n",
        "\n".join(_rows(comparison)) + "\n",
        "## Why not\n",
        "\n".join(_reasons(comparison)) + "\n",
        f"## The same {comparison.structure_checks} checks\n",
        _STRUCTURE,
        "\n".join(_structure(comparison)) + "\n",
        _PROPERTY.format(took=comparison.property_ms, limit=PROPERTY_LIMIT_MS),
    ]
    return "\n".join(parts)


def summary(comparison: Comparison) -> str:
    """Return what is worth printing."""
    lines = [f"{'':26}{'can say':>8}{'caught':>8}{'s':>8}{'s/check':>9}{'MiB':>7}"]
    for tool in Tool:
        cost, said = comparison.costs[tool], comparison.expressed(tool)
        lines.append(
            f"{tool:26}{said:>8}{comparison.count(tool, Verdict.CAUGHT):>8}{cost.typical_seconds:>8.1f}"
            f"{cost.typical_seconds / said:>9.2f}{cost.typical_mib:>7.0f}"
        )
    for tool, cost in comparison.structure.items():
        lines.append(f"{comparison.structure_checks} checks: {tool} {_seconds(cost, comparison.structure_checks)}")
    lines.append(f"ratio {ratio(comparison):.1f} (the project's aim is {AIM})")
    alone, helped = median(comparison.imports_seconds), median(comparison.helped_imports_seconds)
    lines.append(f"the imports alone, in one process: {alone:.1f} s, compiled beforehand {helped:.1f} s")
    lines.append(f"a property of host.file: {comparison.property_ms:.2f} ms (limit {PROPERTY_LIMIT_MS} ms)")
    return "\n".join(lines)


def ratio(comparison: Comparison) -> float:
    """How many times faster the harness is on the checks that container-structure-test can express."""
    peer, own = comparison.structure[Tool.STRUCTURE_TEST], comparison.structure[Tool.HARNESS]
    return peer.typical_seconds / own.typical_seconds


def _tools(comparison: Comparison) -> Iterator[str]:
    yield "| tool | version | can say | caught | missed, blind or false | cannot look | seconds | a check | peak MiB |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    for tool in Tool:
        cost, said = comparison.costs[tool], comparison.expressed(tool)
        wrong = comparison.count(tool, Verdict.MISSED, Verdict.BLIND, Verdict.FALSE_ALARM)
        yield (
            f"| {tool} | {comparison.versions[tool]} | {said} of {len(comparison.rows)} "
            f"| {comparison.count(tool, Verdict.CAUGHT)} | {wrong} | {comparison.count(tool, Verdict.NO_ANSWER)} "
            f"| {cost.typical_seconds:.1f} | {cost.typical_seconds / said:.2f} | {cost.typical_mib:.0f} |"
        )


def _rows(comparison: Comparison) -> Iterator[str]:
    yield f"| assertion | mutant | {' | '.join(Tool)} |"
    yield f"|---|---|{'---|' * len(Tool)}"
    for row in comparison.rows:
        verdicts = (comparison.verdict(row, tool) for tool in Tool)
        cells = (f"**{verdict}**" if verdict is Verdict.CAUGHT else verdict for verdict in verdicts)
        yield f"| {row.what} | `{row.mutant}`: {row.defect} | {' | '.join(cells)} |"


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Yield each reason once for each tool, with the assertions that it is the reason for."""
    for tool in Tool:
        found: dict[tuple[Verdict, str], list[str]] = {}
        for row in comparison.rows:
            verdict = comparison.verdict(row, tool)
            if verdict is not Verdict.CAUGHT:
                found.setdefault((verdict, _reason(row, tool)), []).append(row.id)
        for (verdict, reason), ids in found.items():
            yield f"- {tool}, {verdict}: {', '.join(ids)}{': ' if reason else ''}{reason}"


def _reason(row: Row, tool: Tool) -> str:
    if tool not in row.means:
        return row.why_not[tool]
    message = row.good[tool].message or row.bad[tool].message
    line = " ".join(message.split()).replace("`", "'").replace("|", "\\|")
    return f"`{line[:_MOST_WORDS]}{'…' if len(line) > _MOST_WORDS else ''}`" if line else ""


def _structure(comparison: Comparison) -> Iterator[str]:
    yield "| tool | seconds | a check |"
    yield "|---|--:|--:|"
    for tool, cost in comparison.structure.items():
        each = cost.typical_seconds / comparison.structure_checks
        yield f"| {tool} | {cost.typical_seconds:.1f} | {each:.3f} |"
    yield ""
    alone, helped = median(comparison.imports_seconds), median(comparison.helped_imports_seconds)
    most = comparison.structure[Tool.STRUCTURE_TEST].typical_seconds / min(alone, helped)
    yield f"The harness is {ratio(comparison):.1f} times as fast; the project's aim is {AIM}. The image's interpreter"
    yield f"takes {alone:.1f} s to import all ten by one plain start, measured in turn with the two, and {helped:.1f} s"
    yield "with what the harness compiles for it beforehand, so nobody who has it import them could be more than"
    yield f"{most:.1f} times as fast."


def _seconds(cost: Cost, checks: int) -> str:
    return f"{cost.typical_seconds:.1f} s, {cost.typical_seconds / checks:.3f} s a check"
