"""Reads a YAML file and remembers on which line each value stands.

PyYAML's C loader reads a large design about ten times as fast as a loader that keeps comments; the lines come from its
node graph, which is all that is needed of such a loader here.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from image_harness.errors import HarnessError

Key = tuple[str | int, ...]
"""Where in a document a value stands: mapping keys and list indexes, outermost first."""


_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9](?:_?[0-9]){0,17})")
_NULL: Final = "tag:yaml.org,2002:null"
_DEPTH: Final = 50
#: A large design has some thousands; aliases of aliases make any number out of a few lines.
_MOST_VALUES: Final = 100_000


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


def read_source(path: Path, kind: str, *, may_be_empty: bool = False) -> Source:
    """Read a YAML file whose top level is a mapping.

    Args:
        path: The file.
        kind: What it is, for messages: "a design".
        may_be_empty: Whether a file without any value is a mapping without keys.

    Raises:
        HarnessError: It cannot be read, is not YAML, says a key twice, or has values without end.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", where=str(path), fix="name an existing file") from None
    try:
        node = yaml.compose(content, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from None
    if may_be_empty and (node is None or node.tag == _NULL):
        return Source(path, {}, content, {})
    if not isinstance(node, yaml.MappingNode):
        raise HarnessError(f"{kind} is a mapping of keys to values", where=f"{path}:1", fix="write KEY: VALUE")
    construction = _Construction(path)
    return Source(path, construction.mapping(node), content, construction.lines)


def _not_yaml(path: Path, error: yaml.YAMLError) -> HarnessError:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
    return HarnessError(f"not YAML: {getattr(error, 'problem', None) or error}", where=where, fix="correct the file")


class _Construction:
    """Values out of a document's nodes.

    Args:
        path: The file, for messages.

    Attributes:
        lines: The line, from 1, of each value so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._around: list[yaml.Node] = []
        self._values = 0
        self.lines: dict[Key, int] = {}

    def mapping(self, node: yaml.MappingNode, key: Key = ()) -> dict[str, Any]:
        """Return the mapping of a node.

        Raises:
            HarnessError: A key is no text or stands there twice, or the values have no end.
        """
        data: dict[str, Any] = {}
        with self._inside(node):
            for name_node, value_node in node.value:
                name = self._name(name_node, data)
                data[name] = self._value(value_node, (*key, name))
                self.lines[*key, name] = name_node.start_mark.line + 1
        return data

    def _value(self, node: yaml.Node, key: Key) -> object:
        self.lines[key] = node.start_mark.line + 1
        self._values += 1
        if self._values > _MOST_VALUES:
            self._fail(node, f"it has more than {_MOST_VALUES} values", "use fewer aliases")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            with self._inside(node):
                return [self._value(child, (*key, index)) for index, child in enumerate(node.value)]
        if "\0" in node.value:
            self._fail(node, "a value has a NUL character", "remove it")
        return _scalar(node)

    def _name(self, node: yaml.Node, others: Mapping[str, object]) -> str:
        name = node.value
        if not isinstance(name, str):
            self._fail(node, "a key must be a text", "write a plain word before the colon")
        if name in others:
            self._fail(node, f"the key {name!r} stands here a second time", "remove one of the two")
        return name

    @contextlib.contextmanager
    def _inside(self, node: yaml.Node) -> Iterator[None]:
        if node in self._around:
            self._fail(node, "an alias stands inside of what it repeats", "write the value out")
        if len(self._around) == _DEPTH:
            self._fail(node, f"values are nested more than {_DEPTH} deep", "write it flatter")
        self._around.append(node)
        yield
        self._around.pop()

    def _fail(self, node: yaml.Node, what: str, fix: str) -> NoReturn:
        raise HarnessError(what, where=f"{self._path}:{node.start_mark.line + 1}", fix=fix)


def _scalar(node: yaml.Node) -> object:
    """Turn a scalar into what YAML's core schema says: a number, a truth value, nothing, or else a text."""
    if node.tag == "tag:yaml.org,2002:int" and _INTEGER.fullmatch(node.value):
        return int(node.value)
    if node.tag == "tag:yaml.org,2002:bool":
        return node.value.lower() in ("true", "yes", "on")
    if node.tag == _NULL:
        return None
    return node.value
