from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from image_harness.design.schema import design_schema

DESIGNS = Path(__file__).parents[2] / "designs"


def document(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DESIGNS / f"{name}.yaml").read_text()))


def test_the_schema_beside_the_designs_is_the_current_one() -> None:
    assert json.loads((DESIGNS / "design.schema.json").read_text()) == design_schema()


@pytest.mark.parametrize("name", ["family", "rdp-monitor"])
def test_the_designs_fit_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator(design_schema()).validate(document(name))


def test_an_unknown_key_does_not_fit_the_schema() -> None:
    changed = document("rdp-monitor") | {"imgae": {}}

    with pytest.raises(jsonschema.ValidationError, match="imgae"):
        jsonschema.Draft202012Validator(design_schema()).validate(changed)
