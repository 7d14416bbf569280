"""A YAML file as data, with the line of each value."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.yaml_source import Source, read_source

#: Ten of ten of ten ...: few lines, millions of values.
LAUGHTER = "a: &a [0]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in pairwise("abcdefgh")
)


def source(tmp_path: Path, text: str) -> Source:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    return read_source(path, "a design")


def test_every_value_has_the_line_on_which_it_or_its_key_stands(tmp_path: Path) -> None:
    found = source(tmp_path, "a:\n  b: 1\n  c:\n    - x\n    - y: 2\n      z:\n        - - deep\n")
    assert found.data == {"a": {"b": 1, "c": ["x", {"y": 2, "z": [["deep"]]}]}}
    assert found.lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "y"): 5,
        ("a", "c", 1, "z"): 6,
        ("a", "c", 1, "z", 0): 7,
        ("a", "c", 1, "z", 0, 0): 7,
    }


def test_the_file_and_its_bytes_are_kept(tmp_path: Path) -> None:
    found = source(tmp_path, "a: 1\n")
    assert (found.path, found.content) == (tmp_path / "a.yaml", b"a: 1\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("0", 0),
        ("1_000", 1000),
        ("+3", 3),
        ("123456789012345678", 123456789012345678),
        ("9" * 5000, "9" * 5000),
        ("190:20:30", "190:20:30"),
        ("-010", "-010"),
        ("!!int x", "x"),
        ("-3", -3),
        ("0755", "0755"),
        ("0x1f", "0x1f"),
        ("true", True),
        ("Yes", True),
        ("on", True),
        ("False", False),
        ("no", False),
        ("off", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("1.5", "1.5"),
        ("word", "word"),
        ("'7'", "7"),
    ],
)
def test_a_scalar_is_a_number_a_truth_value_nothing_or_a_text(tmp_path: Path, text: str, value: object) -> None:
    found = source(tmp_path, f"a: {text}\n").data["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n? [b]\n: 2\n", "2: a key must be a text; write a plain word before the colon"),
        ("a:\n  b: 1\n  b: 2\n", "3: the key 'b' stands here a second time; remove one of the two"),
        ("- a\n", "1: a design is a mapping of keys to values; write KEY: VALUE"),
        ("a\n", "1: a design is a mapping of keys to values; write KEY: VALUE"),
        ("", "1: a design is a mapping of keys to values; write KEY: VALUE"),
        ("a: &x\n  b: [*x]\n", "1: an alias stands inside of what it repeats; write the value out"),
        (f"a: {'[' * 60}{']' * 60}\n", "1: values are nested more than 50 deep; write it flatter"),
        ('a:\n  - "b\\0"\n', "2: a value has a NUL character; remove it"),
        (LAUGHTER, "1: it has more than 100000 values; use fewer aliases"),
        ("a: 1\nb: [1\nc: 2\n", "3: not YAML: did not find expected ',' or ']'; correct the file"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(HarnessError) as caught:
        source(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'a.yaml'}:{told}"


def test_a_mistake_without_a_line_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        source(tmp_path, "a: \x01\n")
    assert str(caught.value) == (
        f"{tmp_path / 'a.yaml'}: not YAML: unacceptable character #x0001: control characters are not allowed in "
        '"<byte string>", position 3; correct the file'
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        read_source(tmp_path / "b.yaml", "a design")
    assert (
        str(caught.value) == f"{tmp_path / 'b.yaml'}: cannot be read: No such file or directory; name an existing file"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "~\n"])
def test_a_file_without_a_value_may_be_a_mapping_without_keys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert read_source(path, "a policy", may_be_empty=True) == Source(path, {}, text.encode(), {})
    with pytest.raises(HarnessError, match="a policy is a mapping of keys to values"):
        read_source(path, "a policy")
    path.write_text("- a\n")
    with pytest.raises(HarnessError, match="a policy is a mapping of keys to values"):
        read_source(path, "a policy", may_be_empty=True)
