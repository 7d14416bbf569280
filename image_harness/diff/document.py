"""The differences between two images as JSON, for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from image_harness.diff.model import Change, ImageDiff, Side

SCHEMA: Final = 1


def render_json(diff: ImageDiff) -> str:
    """Return the text: every list is sorted, every value is there whether or not it changed."""
    document = {
        "schema": SCHEMA,
        "same": diff.is_empty,
        "old": _side(diff.old),
        "new": _side(diff.new),
        "shared_layers": diff.shared_layers,
        "debian": _changes(diff.debian),
        "python": _changes(diff.python),
        "labels": _changes(diff.labels),
        "config": _changes(diff.config),
        "layers": [
            {
                "created_by": layer.created_by,
                "removed": layer.removed,
                "files": [
                    {"path": file.path, "kind": file.kind, "details": list(file.details), "grown": file.grown}
                    for file in layer.files
                ],
            }
            for layer in diff.layers
        ],
        "requirements": None if diff.requirements is None else _changes(diff.requirements),
    }
    # Names that are no UTF-8 hold surrogates, which only the escaped form can carry.
    return json.dumps(document, indent=1) + "\n"


def _side(side: Side) -> dict[str, Any]:
    return {
        "reference": side.reference,
        "manifest_digest": str(side.manifest_digest) if side.manifest_digest else None,
        "config_digest": str(side.config_digest),
        "size": side.size,
        "layers": side.layers,
    }


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"name": item.name, "kind": item.kind, "old": item.old, "new": item.new} for item in changes]
