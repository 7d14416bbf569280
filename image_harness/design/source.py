"""Reads a YAML file and remembers on which line each value stands.

PyYAML's C loader reads a design about ten times as fast as a loader that keeps comments; the lines come from its node
graph, which is all that is needed of such a loader here.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from image_harness.errors import HarnessError

Key = tuple[str | int, ...]
"""Where in a document a value stands: mapping keys and list indexes, outermost first."""


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file as data.

    Attributes:
        path: The file.
        data: Its content.
        content: Its bytes.
        lines: The line, from 1, of each value.
    """

    path: Path
    data: dict[str, Any]
    content: bytes
    lines: dict[Key, int]


def read_source(path: Path) -> Source:
    """Read a YAML file whose top level is a mapping.

    Raises:
        HarnessError: It cannot be read, is not YAML, or says a key twice.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", where=str(path), fix="name an existing file") from None
    try:
        node = yaml.compose(content, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from None
    if not isinstance(node, yaml.MappingNode):
        raise HarnessError("a design is a mapping of keys to values", where=f"{path}:1", fix="see designs/ for one")
    lines: dict[Key, int] = {}
    data = _mapping(node, (), path, lines)
    return Source(path, data, content, lines)


def _not_yaml(path: Path, error: yaml.YAMLError) -> HarnessError:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
    return HarnessError(f"not YAML: {getattr(error, 'problem', None) or error}", where=where, fix="correct the file")


def _construct(node: yaml.Node, key: Key, path: Path, lines: dict[Key, int]) -> object:
    lines[key] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, key, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*key, index), path, lines) for index, child in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, key: Key, path: Path, lines: dict[Key, int]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name_node, value_node in node.value:
        name = name_node.value
        where = f"{path}:{name_node.start_mark.line + 1}"
        if not isinstance(name, Hashable) or not isinstance(name, str):
            raise HarnessError("a key must be a text", where=where, fix="write a plain word before the colon")
        if name in data:
            raise HarnessError(f"the key {name!r} stands here a second time", where=where, fix="remove one of the two")
        data[name] = _construct(value_node, (*key, name), path, lines)
        lines[*key, name] = name_node.start_mark.line + 1
    return data


def _scalar(node: yaml.Node) -> object:
    """Turn a scalar into what YAML's core schema says: a number, a truth value, nothing, or else a text."""
    if node.tag == "tag:yaml.org,2002:int":
        return (
            int(node.value.replace("_", ""), 0) if not node.value.startswith("0") or node.value == "0" else node.value
        )
    if node.tag == "tag:yaml.org,2002:bool":
        return node.value.lower() in ("true", "yes", "on")
    if node.tag == "tag:yaml.org,2002:null":
        return None
    return node.value
