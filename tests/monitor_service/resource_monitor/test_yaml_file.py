"""The YAML file, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_monitor.yaml_file import ConfigurationError, read_yaml, shown


def _problem(file: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(file)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("ERROR: ")
    return message


def test_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("monitoring_interval: 5\nredis_url: redis://cache\n")
    assert read_yaml(file) == {"monitoring_interval": 5, "redis_url": "redis://cache"}


@pytest.mark.parametrize("content", ["", "# nothing but a remark\n", "---\n"])
def test_an_empty_file_sets_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    assert read_yaml(file) == {}


def test_malformed_yaml_is_told_with_file_and_line_but_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a: 1\nb: [hunter2\nc: 3\n")
    message = _problem(file)
    assert f"{file}, line 3" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("content", ["- a\n- b\n", "hunter2\n", "5\n"])
def test_anything_but_a_mapping_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    message = _problem(file)
    assert "a mapping of settings to values" in message
    assert "hunter2" not in message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"a: \xff\n")
    assert "byte 3" in _problem(file)


def test_objects_are_not_made(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a: !!python/object/apply:os.getcwd []\n")
    assert "line 1" in _problem(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path}: Is a directory" in _problem(tmp_path)
    assert "No such file" in _problem(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("value", "text"),
    [("abc", "abc"), ("", "''"), ("  ", "'  '"), ("a\nb", r"'a\nb'"), ("\x1b[2J", r"'\x1b[2J'"), (5, "5")],
)
def test_a_value_is_shown_within_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 10_000)) < 100
