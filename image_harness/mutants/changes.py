"""Single changes of a draft, as functions: what mutants are put together from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from image_harness.errors import HarnessError
from image_harness.image import EntryType
from image_harness.mutants.draft import Draft
from image_harness.mutants.files import Node

Change = Callable[[Draft], None]


def together(*changes: Change) -> Change:
    """Make several changes, in order."""

    def change(draft: Draft) -> None:
        for part in changes:
            part(draft)

    return change


def label(key: str, value: str | None) -> Change:
    """Give a label a value, or take it away with None."""

    def change(draft: Draft) -> None:
        if value is None:
            del draft.labels[key]
        else:
            draft.labels[key] = value

    return change


def variable(name: str, value: str | None) -> Change:
    """Give a variable of the image another value, or take it away with None."""

    def change(draft: Draft) -> None:
        draft.set_environment(name, value)

    return change


def more_environment(*pairs: str) -> Change:
    """Append to the image's environment."""

    def change(draft: Draft) -> None:
        draft.environment.extend(pairs)

    return change


def run(key: str, value: object) -> Change:
    """Set a value of the run configuration, such as ``User``; None takes it away."""

    def change(draft: Draft) -> None:
        if value is None:
            draft.run.pop(key, None)
        else:
            draft.run[key] = value

    return change


def health(key: str, value: object) -> Change:
    """Set a value of the health check; None takes it away."""

    def change(draft: Draft) -> None:
        check: dict[str, Any] = draft.run["Healthcheck"]
        if value is None:
            del check[key]
        else:
            check[key] = value

    return change


def without_health_check(draft: Draft) -> None:
    """Take the health check away, and the build step that set it."""
    del draft.run["Healthcheck"]
    steps = draft.document["history"]
    kept = [step for step in steps if not step.get("created_by", "").startswith("HEALTHCHECK")]
    if len(kept) == len(steps):
        raise HarnessError("no step of the history sets a health check", where=str(draft.good.image.reference))
    draft.document["history"] = kept


def document(key: str, value: object) -> Change:
    """Set a value of the configuration document, such as ``architecture``."""

    def change(draft: Draft) -> None:
        draft.document[key] = value

    return change


def attributes(path: str, **values: object) -> Change:
    """Give the entry at a path another mode, owner, target and so on."""

    def change(draft: Draft) -> None:
        draft.change(path, **values)

    return change


def remove(*paths: str) -> Change:
    """Take paths, and what is below them, out of the layers."""

    def change(draft: Draft) -> None:
        for path in paths:
            draft.remove(path)

    return change


def add(path: str, content: bytes | str = b"", **values: Any) -> Change:  # noqa: ANN401 - the fields of a `Node`
    """Put something new into the topmost layer; a file unless ``type`` says otherwise."""

    def change(draft: Draft) -> None:
        data = content.encode() if isinstance(content, str) else content
        draft.put(path, Node(data).but(**values))

    return change


def content(path: str, data: bytes | str) -> Change:
    """Give a file another content, in its own layer."""

    def change(draft: Draft) -> None:
        draft.change(path, content=data.encode() if isinstance(data, str) else data)

    return change


def edit(path: str, how: Callable[[bytes], bytes]) -> Change:
    """Change a file's content by a function."""

    def change(draft: Draft) -> None:
        draft.edit(path, how)

    return change


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Return a function that replaces the first occurrence of some bytes, for `edit` and `copy`."""
    return lambda data: data.replace(old, new, 1)


def appended(more: bytes) -> Callable[[bytes], bytes]:
    """Return a function that appends some bytes, for `edit` and `copy`."""
    return lambda data: data + more


def in_dockerfile(old: str, new: str) -> Change:
    """Replace a text that stands in the Dockerfile exactly once."""

    def change(draft: Draft) -> None:
        draft.docker(old, new)

    return change


def replaced(path: str, old: str, new: str) -> Change:
    """Replace a text that stands in a file exactly once."""

    def change(draft: Draft) -> None:
        draft.replace(path, old, new)

    return change


def copy(source: str, target: str, how: Callable[[bytes], bytes] = bytes) -> Change:
    """Put a changed copy of a file into the topmost layer."""

    def change(draft: Draft) -> None:
        node = draft.node(source)
        draft.put(target, node.but(content=how(node.content)))

    return change


def layer(*entries: tuple[str, Node], created_by: str = "COPY . /") -> Change:
    """Add a layer."""

    def change(draft: Draft) -> None:
        draft.layer(entries, created_by)

    return change


def source(path: str, how: Callable[[str], str] | None) -> Change:
    """Change a file of the repository, or take it away."""

    def change(draft: Draft) -> None:
        draft.source(path, how)

    return change


def comment_out(*lines: str) -> Change:
    """Leave lines of the Dockerfile in comments only."""

    def change(draft: Draft) -> None:
        draft.comment_out(*lines)

    return change


def link(path: str, target: str, **values: object) -> Change:
    """Put a symbolic link into the topmost layer, or in the place of what is there."""

    def change(draft: Draft) -> None:
        draft.put(path, Node(type=EntryType.SYMLINK, mode=0o777, target=target).but(**values))

    return change
