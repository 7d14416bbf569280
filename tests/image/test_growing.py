"""Whoever reads a file that still arrives waits for it, and learns what went wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from image_harness.image.blobs import Blob
from image_harness.image.errors import ImageError
from image_harness.image.growing import GrowingHandle


@pytest.fixture
def growing() -> Iterator[GrowingHandle]:
    handle = GrowingHandle(os.memfd_create("growing"))
    yield handle
    handle.close()


def _write(handle: GrowingHandle, data: bytes, position: int) -> None:
    os.pwrite(handle.number, data, position)
    handle.grow(position + len(data))


def test_a_reader_waits_for_what_it_asks_for(growing: GrowingHandle) -> None:
    blob = Blob("stream", growing, 0, 1000)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(blob.read(2, 4)), daemon=True)
    _write(growing, b"abcd", 0)
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    # Not a byte more than it asks for.
    _write(growing, b"ef", 4)
    reader.join(10)
    assert found == [b"cdef"]


def test_a_file_without_a_byte_has_not_even_the_first(growing: GrowingHandle) -> None:
    told: list[str] = []

    def read() -> None:
        with pytest.raises(ImageError) as caught:
            Blob("stream", growing, 0, 1).read(0, 1)
        told.append(str(caught.value))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    growing.end()
    reader.join(10)
    assert told == ["stream: is cut off at byte 0"]


def test_what_has_arrived_can_be_read_although_the_writer_failed(growing: GrowingHandle) -> None:
    blob = Blob("stream", growing, 0, 1000)
    _write(growing, b"abcd", 0)
    growing.end(ImageError("broke off", where="engine", fix="try again"))
    assert blob.read(0, 4) == b"abcd"
    for ask in (lambda: blob.read(0, 5), growing.wait_for_end):
        with pytest.raises(ImageError, match="engine: broke off; try again"):
            ask()


def test_a_file_that_ends_early_is_cut_off(growing: GrowingHandle) -> None:
    _write(growing, b"abcd", 0)
    growing.end()
    growing.wait_for_end()
    with pytest.raises(ImageError, match="stream: is cut off at byte 4"):
        Blob("stream", growing, 0, 1000).read_exactly(0, 5)


def test_what_is_said_first_holds(growing: GrowingHandle) -> None:
    growing.end()
    growing.end(ImageError("too late", where="a"))
    growing.wait_for_end()
