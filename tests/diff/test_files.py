from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from tarfile import CHRTYPE

import pytest

from image_harness.diff.files import compare_files
from image_harness.diff.model import FileChange, Kind, LayerChanges
from image_harness.image import Entry, FileSystem, Image
from tests.image.builder import ImageBuilder, Node, directory, hard_link, symlink

Opened = Callable[[ImageBuilder], Image]


def changed(opened: Opened, old: Mapping[str, Node | bytes], new: Mapping[str, Node | bytes]) -> list[FileChange]:
    before, after = (opened(ImageBuilder().layer({"same": b"", **entries})) for entries in (old, new))
    return [change for layer in compare_files(before, after) for change in layer.files if change.path != "/"]


@pytest.mark.parametrize(
    ("old", "new", "details", "grown"),
    [
        (b"one", b"two", ("content",), 0),
        (b"one", b"three", ("size 3 -> 5",), 2),
        (Node(b"x", mode=0o644), Node(b"x", mode=0o4755), ("mode 0644 -> 4755",), 0),
        (Node(b"x"), Node(b"x", uid=65532, gid=1), ("owner 0:0 -> 65532:1",), 0),
        (symlink("a"), symlink("b"), ("target a -> b",), 0),
        (Node(b"x", mode=0o755), directory(), ("file -> directory",), -1),
        (Node(kind=CHRTYPE, device=(1, 3)), Node(kind=CHRTYPE, device=(1, 5)), ("device (1, 3) -> (1, 5)",), 0),
        (Node(b"x"), Node(b"x", pax={"SCHILY.xattr.user.a": "b"}), ("extended attributes",), 0),
    ],
)
def test_what_changed_about_a_file_is_told(
    old: Node | bytes, new: Node | bytes, details: tuple[str, ...], grown: int, opened: Opened
) -> None:
    assert changed(opened, {"a": old}, {"a": new}) == [FileChange("/a", Kind.CHANGED, details, grown)]


def test_a_time_of_change_does_not_count(opened: Opened) -> None:
    assert changed(opened, {"a": Node(b"x", mtime=1)}, {"a": Node(b"x", mtime=2)}) == []


def test_files_come_and_go(opened: Opened) -> None:
    assert changed(opened, {"gone": Node(b"12", mode=0o600)}, {"new": symlink("same")}) == [
        FileChange("/new", Kind.ADDED, ("link", "0777", "0:0", "-> same"), 0),
        FileChange("/gone", Kind.REMOVED, ("file", "0600", "0:0"), -2),
    ]


def test_changes_are_told_by_layer(opened: Opened) -> None:
    base = {"base": b"same"}
    old = opened(ImageBuilder().layer(base, "FROM").layer({"app": b"1", "old": b""}, "COPY app"))
    new = opened(ImageBuilder().layer(base, "FROM").layer({"app": b"2"}, "COPY app2").layer({"marker": b""}, "RUN x"))

    found = compare_files(old, new)

    assert [(layer.created_by, layer.removed, [file.path for file in layer.files]) for layer in found] == [
        ("COPY app2", False, ["/app"]),
        ("RUN x", False, ["/marker"]),
        ("COPY app", True, ["/old"]),
    ]


def test_what_comes_from_the_same_layer_is_not_read(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    old = opened(ImageBuilder().layer({"base": b"same"}).layer({"app": b"1"}))
    new = opened(ImageBuilder().layer({"base": b"same"}).layer({"app": b"2"}))
    read: list[str] = []
    pieces = FileSystem.pieces

    def noting(fs: FileSystem, path: str | Entry) -> Iterator[bytes]:
        read.append(str(getattr(path, "path", path)))
        return pieces(fs, path)

    monkeypatch.setattr(FileSystem, "pieces", noting)

    found: tuple[LayerChanges, ...] = compare_files(old, new)

    assert [file.path for layer in found for file in layer.files] == ["/app"]
    assert set(read) == {"/app"}


def test_what_a_hard_link_of_a_shared_layer_was_made_from_is_read(opened: Opened) -> None:
    old, new = (
        opened(ImageBuilder().layer({"a": content}).layer({"b": hard_link("a")}).layer({".wh.a": b""}))
        for content in (b"good", b"evil")
    )

    (layer,) = compare_files(old, new)

    assert layer.files == (FileChange("/b", Kind.CHANGED, ("content",), 0),)
