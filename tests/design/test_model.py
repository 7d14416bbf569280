"""What the values of a design may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from image_harness.design.model import AbsolutePath, Duration, FileDesign, LabelSpec, Pattern, PlatformText, PortText
from image_harness.types import Platform, Port


def refusal(adapter: TypeAdapter[Any], value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    return str(caught.value.errors()[0]["msg"])


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("1.5s", timedelta(seconds=1.5)),
        ("5m", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
    ],
)
def test_a_duration_has_a_unit(text: str, duration: timedelta) -> None:
    assert TypeAdapter(Duration).validate_python(text) == duration


@pytest.mark.parametrize("value", ["30", "s", "30 s", "1d", "-1s", "30s ", "1.s", 30, None])
def test_anything_else_is_no_duration(value: object) -> None:
    assert refusal(TypeAdapter(Duration), value) == "Value error, not a duration; write it as 500ms, 30s, 5m or 1h"


@pytest.mark.parametrize("path", ["/", "/app", "/a..b/c"])
def test_a_path_is_absolute(path: str) -> None:
    assert TypeAdapter(AbsolutePath).validate_python(path) == path


@pytest.mark.parametrize("path", ["app", "", "/app/../etc", "/..", "../app", ".."])
def test_anything_else_is_no_path(path: str) -> None:
    assert refusal(TypeAdapter(AbsolutePath), path) == f"Value error, not an absolute path: {path!r}"


def test_a_pattern_is_a_regular_expression() -> None:
    assert TypeAdapter(Pattern).validate_python("a+") == "a+"
    assert refusal(TypeAdapter(Pattern), "a(") == (
        "Value error, not a regular expression: missing ), unterminated subpattern at position 1"
    )


@pytest.mark.parametrize("value", ["linux/arm64", Platform.parse("linux/arm64")])
def test_a_platform_is_one_or_its_text(value: object) -> None:
    assert TypeAdapter(PlatformText).validate_python(value) == Platform.parse("linux/arm64")


def test_a_port_is_one_or_its_text() -> None:
    assert TypeAdapter(PortText).validate_python("8093/tcp") == Port.parse("8093/tcp")
    assert TypeAdapter(PortText).json_schema()["type"] == "string"


@pytest.mark.parametrize("given", [{}, {"value": "a", "pattern": "a"}])
def test_a_label_is_exactly_a_text_or_of_a_form(given: dict[str, str]) -> None:
    assert refusal(TypeAdapter(LabelSpec), given) == "Value error, give either value or pattern"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"type": "directory"}, "a directory"),
        ({"type": "file", "empty": True}, "an empty file"),
        ({"type": "file", "empty": False}, "a non-empty file"),
        ({"type": "symlink", "links_to": "/b"}, "a symlink to /b"),
        ({"type": "file", "mode": "0644", "uid": 0, "gid": 65532}, "a file, mode 0644, uid 0, gid 65532"),
        ({"type": "file", "uid": 7}, "a file, uid 7"),
    ],
)
def test_a_file_of_the_design_reads_as_a_sentence(given: dict[str, object], text: str) -> None:
    assert str(FileDesign.model_validate(given)) == text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "file", "links_to": "/b"}, "Value error, only a symlink has links_to"),
        ({"type": "directory", "empty": True}, "Value error, only a file can be empty"),
    ],
)
def test_what_only_another_type_of_file_has_is_refused(given: dict[str, object], told: str) -> None:
    assert refusal(TypeAdapter(FileDesign), given) == told
