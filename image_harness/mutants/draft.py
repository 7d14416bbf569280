"""A good image's documents, layers and sources, to be made bad."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from image_harness.errors import HarnessError
from image_harness.image import Entry
from image_harness.mutants.files import Node
from image_harness.mutants.good import Good

Json = dict[str, Any]


class Draft:
    """What a mutant changes. Nothing is changed in place: the good image can be drafted from again.

    A change that finds nothing to change raises, so that no mutant comes to nothing when the good image changes.

    Args:
        good: What it is derived from.

    Attributes:
        good: What it is derived from.
        document: The image's configuration document.
        dockerfile: The Dockerfile's text.
        sources: Files of the repository with another content, by their path; None for one that is taken away.
        removed: For each layer, the paths that are taken out of it.
        added: For each layer, what is put into it.
        extra: Further layers on top: what is in them, and the instruction that made them.
        config_media_type: What the manifest calls the configuration; "" for what it is.
    """

    def __init__(self, good: Good) -> None:
        self.good = good
        self.document: Json = json.loads(json.dumps(dict(good.image.config.raw)))
        self.dockerfile = good.dockerfile
        self.sources: dict[str, bytes | None] = {}
        self.removed: dict[int, set[str]] = {}
        self.added: dict[int, dict[str, Node]] = {}
        self.extra: list[tuple[tuple[tuple[str, Node], ...], str]] = []
        self.config_media_type = ""

    # Documents.

    @property
    def run(self) -> Json:
        """The part of the configuration that says how the image is run."""
        return self.document.setdefault("config", {})  # type: ignore[no-any-return]

    @property
    def labels(self) -> Json:
        """The image's labels."""
        return self.run.setdefault("Labels", {})  # type: ignore[no-any-return]

    @property
    def environment(self) -> list[str]:
        """The image's environment: ``NAME=value``."""
        return self.run.setdefault("Env", [])  # type: ignore[no-any-return]

    def set_environment(self, name: str, value: str | None) -> None:
        """Give a variable another value, or none at all.

        Raises:
            HarnessError: The image does not set it.
        """
        index = next((i for i, pair in enumerate(self.environment) if pair.partition("=")[0] == name), None)
        if index is None:
            raise self._nothing(f"the variable {name}")
        self.environment[index : index + 1] = [] if value is None else [f"{name}={value}"]

    @property
    def history(self) -> list[Json]:
        """The image's history."""
        return self.document["history"]  # type: ignore[no-any-return]

    # Files.

    def node(self, path: str) -> Node:
        """Return what the image holds at a path; a link is returned itself.

        Raises:
            HarnessError: Nothing.
        """
        entry = self._entry(path)
        changed = self.added.get(entry.layer, {}).get(entry.path)
        return changed or Node.of(self.good.image.filesystem, entry)

    def put(self, path: str, node: Node) -> None:
        """Replace what is at a path, in the layer that it comes from; something new goes into the topmost layer."""
        entry = self.good.image.filesystem.entry(path, follow=False)
        if entry is None:
            self.added.setdefault(len(self.good.parts.layers) - 1, {})[path] = node
            return
        self.removed.setdefault(entry.layer, set()).add(entry.path)
        self.added.setdefault(entry.layer, {})[entry.path] = node

    def change(self, path: str, **values: object) -> None:
        """Give the entry at a path other values of a `Node`: mode, uid, xattrs and so on."""
        self.put(path, self.node(path).but(**values))

    def edit(self, path: str, change: Callable[[bytes], bytes]) -> None:
        """Give a file another content.

        Raises:
            HarnessError: There is none, or the change changes nothing.
        """
        before = self.node(path)
        after = change(before.content)
        if after == before.content:
            raise self._nothing(f"what to change in {path}")
        self.put(path, before.but(content=after))

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file; it must stand there exactly once.

        Raises:
            HarnessError: It does not.
        """
        self.edit(path, lambda content: _replaced(content.decode(), old, new, path).encode())

    def remove(self, path: str) -> None:
        """Take a path, and everything below it, out of every layer.

        Raises:
            HarnessError: There is nothing at it.
        """
        filesystem = self.good.image.filesystem
        for entry in [self._entry(path)] if self._entry(path).is_symlink else list(filesystem.walk(path)):
            for layer in self.good.parts.layers:  # what a lower layer holds as well must not come to light
                self.removed.setdefault(layer.index, set()).add(entry.path)
                self.added.get(layer.index, {}).pop(entry.path, None)

    def layer(self, entries: Iterable[tuple[str, Node]], created_by: str = "COPY . /") -> None:
        """Add a layer on top, with its step of the history. ``.wh.`` names take away, as the specification says."""
        self.extra.append((tuple(entries), created_by))
        self.history.append({"created_by": created_by, "created": "2026-01-01T00:00:00Z"})

    # Sources.

    def docker(self, old: str, new: str, *, nth: int | None = None) -> None:
        """Replace a text of the Dockerfile.

        Args:
            old: The text, which must stand there exactly once unless ``nth`` says which one is meant.
            new: What replaces it.
            nth: Which occurrence, from 0; -1 for the last.

        Raises:
            HarnessError: It does not stand there, or more than once.
        """
        if nth is None:
            self.dockerfile = _replaced(self.dockerfile, old, new, "Dockerfile")
            return
        parts = self.dockerfile.split(old)
        where = range(1, len(parts))[nth] if -len(parts) < nth < len(parts) - 1 else 0
        if not where:
            raise self._nothing(f"occurrence {nth} of {old!r} in the Dockerfile")
        self.dockerfile = old.join(parts[:where]) + new + old.join(parts[where:])

    def comment_out(self, *lines: str) -> None:
        """Leave lines of the Dockerfile in a comment only; each must stand there exactly once, as a part of a line."""
        for text in lines:
            found = [line for line in self.dockerfile.split("\n") if text in line and not line.startswith("#")]
            if len(found) != 1:
                raise self._nothing(f"one line of the Dockerfile with {text!r}, but {len(found)}")
            self.docker(f"\n{found[0]}\n", f"\n# {found[0].strip()}\n")

    def source(self, path: str, change: Callable[[str], str] | None) -> None:
        """Give a file of the repository another text, or take it away."""
        if change is None:
            self.sources[path] = None
            return
        before = self.good.source(path)
        after = change(before)
        if after == before:
            raise self._nothing(f"what to change in {path}")
        self.sources[path] = after.encode()

    def _entry(self, path: str) -> Entry:
        entry = self.good.image.filesystem.entry(path, follow=False)
        if entry is None:
            raise self._nothing(path)
        return entry

    @staticmethod
    def _nothing(what: str) -> HarnessError:
        return HarnessError(f"the good image has not {what}", where="mutant", fix="adapt the mutant to the image")


def _replaced(text: str, old: str, new: str, where: str) -> str:
    if text.count(old) != 1:
        raise HarnessError(
            f"{old!r} stands there {text.count(old)} times, not once", where=where, fix="adapt the mutant to the image"
        )
    return text.replace(old, new)


def names_in(scan_names: Sequence[str], removed: set[str]) -> set[str]:
    """Return which of a layer's names stand for removed paths."""
    return {name for name in scan_names if "/" + name.strip("/").removeprefix("./") in removed}
