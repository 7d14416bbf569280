"""The differences between two images in the words of a release note (Markdown, readable as it is).

What an image says of itself stands in code spans: it is no Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from image_harness.diff.model import Change, FileChange, ImageDiff, Kind, LayerChanges
from image_harness.report.text import code_span

_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~"}
_WORDS = 100


def render_text(diff: ImageDiff, *, files: int | None) -> str:
    """Return the text.

    Args:
        diff: What changed.
        files: How many files to name of each layer; None for all.
    """
    return "".join(f"{_printable(line)}\n" for line in _lines(diff, files))


def _lines(diff: ImageDiff, files: int | None) -> Iterator[str]:
    yield f"# {code_span(diff.old.reference)} -> {code_span(diff.new.reference)}"
    yield ""
    yield f"- old: {diff.old.manifest_digest or diff.old.config_digest}"
    yield f"- new: {diff.new.manifest_digest or diff.new.config_digest}"
    yield f"- size: {_bytes(diff.old.size)} -> {_bytes(diff.new.size)} ({_signed(diff.new.size - diff.old.size)})"
    yield f"- layers: {diff.old.layers} -> {diff.new.layers}, {diff.shared_layers} the same"
    if diff.is_empty:
        yield ""
        yield "No difference in packages, labels, configuration and files."
    yield from _section("Debian packages", diff.debian)
    yield from _section("Python packages", diff.python)
    yield from _section("Labels", diff.labels)
    yield from _section("Configuration", diff.config)
    yield from _files(diff.layers, files)
    if diff.requirements is None:
        yield ""
        yield "Requirements are not compared: name the reports of both images with --reports."
    yield from _section("Requirements", diff.requirements or ())


def _section(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield ""
    yield f"## {title} ({_count(changes)})"
    yield ""
    for change in changes:
        yield _item(change.kind, f"{change.name}{_values(change)}")


def _item(kind: Kind, text: str) -> str:
    return f"- {code_span(f'{_SIGNS[kind]} {text}')}"


def _values(change: Change) -> str:
    if change.kind is Kind.CHANGED:
        return f": {_short(change.old)} -> {_short(change.new)}"
    return f": {_short(change.old if change.new is None else change.new)}"


def _files(layers: Sequence[LayerChanges], limit: int | None) -> Iterator[str]:
    if not layers:
        return
    every = [change for layer in layers for change in layer.files]
    yield ""
    yield f"## Files ({_count(every)}; {_signed(sum(change.grown for change in every))})"
    for layer in layers:
        yield ""
        grown = _signed(sum(change.grown for change in layer.files))
        made_by = code_span(_short(layer.created_by)) or "an unnamed layer"
        yield f"### {'Gone with ' if layer.removed else ''}{made_by} ({grown})"
        yield ""
        shown = layer.files if limit is None else layer.files[:limit]
        for change in shown:
            yield _item(change.kind, f"{change.path}: {', '.join(change.details)}{_size(change)}")
        if len(shown) < len(layer.files):
            yield f"- and {len(layer.files) - len(shown)} more (--all names them)"


def _size(change: FileChange) -> str:
    return f", {_bytes(abs(change.grown))}" if change.kind is not Kind.CHANGED and change.details[0] == "file" else ""


def _count(changes: Sequence[Change] | Sequence[FileChange]) -> str:
    kinds = [change.kind for change in changes]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in Kind if kind in kinds)


def _short(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _WORDS else f"{line[: _WORDS - 3]}..."


def _printable(text: str) -> str:
    """An image's own words cannot move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size} bytes"


def _signed(size: int) -> str:
    return f"{'-' if size < 0 else '+'}{_bytes(abs(size))}"
