"""Layers cost bounded memory, disk and time, whatever they claim to be."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_harness.image import ImageError, layers
from image_harness.image.blobs import Blob, Handle
from image_harness.image.layers import LayerScanner
from tests.image.builder import ImageBuilder, Node, open_built, tar


def test_a_bomb_behind_a_layout_is_refused_before_it_has_gone_off(tmp_path: Path) -> None:
    build = ImageBuilder().raw_layer(tar({"zeros": Node(bytes(100_000_000))}))
    with pytest.raises(ImageError, match=r"blobs/sha256/.*expands to more than 200 times"):
        open_built(build, tmp_path)


def test_small_layers_may_expand_as_they_like(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"zeros": bytes(10_000_000)}), tmp_path) as image:
        assert image.filesystem.read_bytes("/zeros") == bytes(10_000_000)


def test_all_layers_together_may_not_expand_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_harness.image.budget.IMAGE_BYTES", 1_000_000)
    build = ImageBuilder().layer({"a": os.urandom(600_000)}).layer({"b": os.urandom(600_000)})
    with pytest.raises(ImageError, match="expands to more than 1000000 bytes"):
        open_built(build, tmp_path)


def test_of_several_damaged_layers_the_lowest_is_named(tmp_path: Path) -> None:
    build = ImageBuilder()
    for number in range(6):
        build.raw_layer(b"damaged %d" % number * 100 if number > 2 else tar({str(number): b""}))
    with pytest.raises(ImageError) as caught:
        open_built(build, tmp_path)
    assert build.manifest.decode().split('"layers"')[1].split('"digest": "sha256:')[4][:64] in str(caught.value)


def test_a_layer_that_was_read_ahead_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Blob] = []

    def scan(blob: Blob, *_: object) -> object:
        read.append(blob)
        return blob.where

    monkeypatch.setattr(layers, "_scan", scan)
    (tmp_path / "layer").write_bytes(b"")
    with ExitStack() as files, LayerScanner("image", files) as scanner:
        ahead, later = (Blob(name, Handle(-1), 0, 0) for name in ("ahead", "later"))
        scanner.read_ahead(ahead)
        found: Sequence[object] = scanner.scan([later, ahead])[0]
        assert found == ["later", "ahead"]
    assert sorted(blob.where for blob in read) == ["ahead", "later"]


def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    build = ImageBuilder().raw_layer(b"damaged" * 100).layer({"a": os.urandom(5_000_000)})
    with pytest.raises(ImageError):
        open_built(build, tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("layer")]
