"""The JSON Schema of a design, for editors that complete and check YAML."""

from __future__ import annotations

from typing import Any

from image_harness.design.model import DesignFile


def design_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a design file.

    A file may leave out whatever the one that it extends gives, and may hold ``${…}`` where a number is wanted; so
    nothing is required and numbers may be texts.
    """
    schema = DesignFile.model_json_schema(by_alias=True)
    _relax(schema)
    for definition in schema["$defs"].values():
        _relax(definition)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Design of a container image"
    schema["properties"]["extends"] = {"type": "string", "description": "A design file that this one lies over."}
    return schema


def _relax(schema: dict[str, Any]) -> None:
    schema.pop("required", None)
    for name, value in schema.get("properties", {}).items():
        if value.get("type") == "integer":
            schema["properties"][name] = {"anyOf": [value, {"type": "string", "pattern": r"^\$\{"}]}
