"""A comparison as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peers.model import Answer, Comparison, Cost, Outcome, Row, Tool

Json = dict[str, Any]


def to_json(comparison: Comparison) -> Json:
    """Return a comparison for `json.dump`."""
    return {
        "schema": 1,
        "machine": comparison.machine,
        "versions": {tool.value: version for tool, version in comparison.versions.items()},
        "costs": _costs(comparison.costs),
        "structure": {
            "checks": comparison.structure_checks,
            "costs": _costs(comparison.structure),
            "imports_seconds": [round(value, 2) for value in comparison.imports_seconds],
            "helped_imports_seconds": [round(value, 2) for value in comparison.helped_imports_seconds],
        },
        "property_ms": round(comparison.property_ms, 3),
        "assertions": [_row(row) for row in comparison.rows],
    }


def from_json(document: Json) -> Comparison:
    """Return the comparison that `to_json` made the document of.

    Raises:
        KeyError: Something is missing.
        ValueError: A tool or an outcome is unknown.
    """
    return Comparison(
        machine=document["machine"],
        versions={Tool(name): version for name, version in document["versions"].items()},
        rows=tuple(_to_row(row) for row in document["assertions"]),
        costs=_to_costs(document["costs"]),
        structure_checks=document["structure"]["checks"],
        structure=_to_costs(document["structure"]["costs"]),
        imports_seconds=tuple(document["structure"]["imports_seconds"]),
        helped_imports_seconds=tuple(document["structure"]["helped_imports_seconds"]),
        property_ms=document["property_ms"],
    )


def _costs(costs: Mapping[Tool, Cost]) -> Json:
    return {
        tool.value: {
            "seconds": [round(value, 2) for value in cost.seconds],
            "peak_mib": [round(value, 1) for value in cost.peak_mib],
        }
        for tool, cost in costs.items()
    }


def _to_costs(document: Json) -> dict[Tool, Cost]:
    return {Tool(name): Cost(tuple(cost["seconds"]), tuple(cost["peak_mib"])) for name, cost in document.items()}


def _row(row: Row) -> Json:
    return {
        "id": row.id,
        "what": row.what,
        "mutant": row.mutant,
        "defect": row.defect,
        "tools": {
            tool.value: {"means": row.means[tool], "good": _answer(row.good[tool]), "bad": _answer(row.bad[tool])}
            if tool in row.means
            else {"why_not": row.why_not[tool]}
            for tool in Tool
        },
    }


def _to_row(document: Json) -> Row:
    tools = {Tool(name): told for name, told in document["tools"].items()}
    return Row(
        id=document["id"],
        what=document["what"],
        mutant=document["mutant"],
        defect=document["defect"],
        means={tool: told["means"] for tool, told in tools.items() if "means" in told},
        why_not={tool: told["why_not"] for tool, told in tools.items() if "why_not" in told},
        good={tool: _to_answer(told["good"]) for tool, told in tools.items() if "means" in told},
        bad={tool: _to_answer(told["bad"]) for tool, told in tools.items() if "means" in told},
    )


def _answer(answer: Answer) -> Json:
    return {"outcome": answer.outcome.value, "message": answer.message}


def _to_answer(document: Json) -> Answer:
    return Answer(Outcome(document["outcome"]), document["message"])
