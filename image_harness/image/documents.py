"""JSON of an image, turned into values of known shape at the edge.

Indexes, manifests and configurations are written by whoever made the image. A document that is too large or too deep,
that has a key twice (programs disagree about which one counts) or a value of the wrong type is refused here, with the
file and the key in the message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from image_harness.errors import HarnessError
from image_harness.image.errors import ImageError, printable
from image_harness.types import Digest

_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a fraction"}


def parse_json(data: bytes, where: str) -> object:
    """Parse one JSON document.

    Raises:
        ImageError: It is no JSON, is nested too deeply, has a key twice, or holds NaN or an infinity.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise ImageError(f"the key {printable(twice)!r} is there twice", where=where)
        return mapping

    def refuse(name: str) -> NoReturn:
        raise ImageError(f"{name} is not JSON", where=where)

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ImageError("the JSON is nested too deeply", where=where) from None
    except UnicodeDecodeError as error:
        raise ImageError(f"not JSON: byte {error.start} is not UTF-8", where=where) from None
    except ValueError as error:
        raise ImageError(f"not JSON: {printable(str(error))}", where=where) from None


@dataclass(frozen=True, slots=True)
class JsonObject:
    """One JSON object, and where it stands.

    A key that is null counts as absent, as it does for the programs that write these documents. What is written in Go
    takes ``user`` for ``User``, and the last of two: a key beside one that is looked at is refused for that.

    Attributes:
        value: The parsed object.
        where: The file that it comes from.
        path: The keys that lead to it, each followed by a dot.
    """

    value: Mapping[str, object]
    where: str
    path: str = ""

    @classmethod
    def parse(cls, data: bytes, where: str) -> JsonObject:
        """Parse a document whose outermost value is an object.

        Raises:
            ImageError: It is no such document.
        """
        value = parse_json(data, where)
        if not isinstance(value, dict):
            raise ImageError(f"the JSON is {_kind(value)}, not an object", where=where)
        return cls(value, where)

    def text(self, key: str) -> str:
        """Return the text at a key that must be there."""
        value = self._at(key)
        return value if isinstance(value, str) else self._wrong(key, value, "a text")

    def optional_text(self, key: str) -> str | None:
        """Return the text at a key, or None."""
        return None if self._at(key) is None else self.text(key)

    def integer(self, key: str) -> int:
        """Return the number at a key that must be there and must not be negative."""
        value = self._at(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
        return self._wrong(key, value, "a whole number from 0 to 2^63-1")

    def optional_integer(self, key: str) -> int | None:
        """Return the number at a key, or None."""
        return None if self._at(key) is None else self.integer(key)

    def boolean(self, key: str) -> bool:
        """Return true or false at a key; false where it is absent."""
        value = self._at(key)
        return value is not None and (value if isinstance(value, bool) else self._wrong(key, value, "true or false"))

    def digest(self, key: str) -> Digest:
        """Return the digest at a key that must be there."""
        text = self.text(key)
        try:
            return Digest(text)
        except HarnessError:
            return self._wrong(key, text, "sha256: and 64 lower-case hex digits")

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return the list of texts at a key, or None where it is absent."""
        values = self._at(key)
        if values is None:
            return None
        if not isinstance(values, list):
            return self._wrong(key, values, "a list")
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self._wrong(f"{key}[{index}]", value, "a text")
        return tuple(values)

    def text_map(self, key: str) -> dict[str, str]:
        """Return the object of texts at a key; an empty one where it is absent."""
        inner = self.optional_object(key)
        return {} if inner is None else inner.all_texts()

    def all_texts(self) -> dict[str, str]:
        """Return every value, which must be a text, by its key: here, keys that differ by case are two."""
        return {
            key: value if isinstance(value, str) else self._wrong(key, value, "a text")
            for key, value in self.value.items()
        }

    def key_set(self, key: str) -> tuple[str, ...]:
        """Return the keys of the object at a key: the form in which ports and volumes are written."""
        inner = self.optional_object(key)
        return () if inner is None else tuple(inner.value)

    def mapping(self, key: str) -> JsonObject:
        """Return the object at a key that must be there."""
        value = self._at(key)
        if isinstance(value, dict):
            return JsonObject(value, self.where, f"{self.path}{key}.")
        return self._wrong(key, value, "an object")

    def optional_object(self, key: str) -> JsonObject | None:
        """Return the object at a key, or None."""
        return None if self._at(key) is None else self.mapping(key)

    def objects(self, key: str) -> tuple[JsonObject, ...]:
        """Return the list of objects at a key; an empty one where it is absent."""
        values = self._at(key)
        if values is None:
            return ()
        if not isinstance(values, list):
            return self._wrong(key, values, "a list")
        return json_objects(values, self.where, f"{self.path}{key}")

    def _at(self, key: str) -> object:
        folded = key.casefold()
        for name in self.value:
            if name != key and name.casefold() == folded:
                what = f"{printable(self.path + name)} is {key} to programs that do not tell letters' case apart"
                raise ImageError(what, where=self.where)
        return self.value.get(key)

    def _wrong(self, key: str, value: object, wanted: str) -> NoReturn:
        raise ImageError(f"{printable(self.path + key)} is {_kind(value)}, not {wanted}", where=self.where)


def json_objects(values: list[object], where: str, path: str) -> tuple[JsonObject, ...]:
    """Return a list's items as objects.

    Raises:
        ImageError: One of them is something else.
    """
    found = []
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise ImageError(f"{path}[{index}] is {_kind(value)}, not an object", where=where)
        found.append(JsonObject(value, where, f"{path}[{index}]."))
    return tuple(found)


def _kind(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f"the text {printable(value[:80])!r}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**80:
        return f"the number {value}"
    return _NAMES[type(value)]
