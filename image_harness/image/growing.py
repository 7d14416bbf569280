"""A file that is read while it is still being written."""

from __future__ import annotations

import threading

from image_harness.image.blobs import Handle
from image_harness.image.errors import ImageError


class GrowingHandle(Handle):
    """An open file whose readers wait until what they ask for is there.

    Args:
        number: The descriptor.
    """

    __slots__ = ("_changed", "_ended", "_error", "_size")

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self._changed = threading.Condition()
        self._size = 0
        self._ended = False
        self._error: ImageError | None = None

    def grow(self, size: int) -> None:
        """Say how long the file is now."""
        with self._changed:
            self._size = size
            self._changed.notify_all()

    def end(self, error: ImageError | None = None) -> None:
        """Say that nothing follows, and what went wrong if something did; what is said first holds."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def wait(self, end: int) -> None:
        """Return once the file has grown to a position, or will grow no more.

        Raises:
            ImageError: The writer failed before that.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._size >= end or self._ended)
            if self._error is not None and self._size < end:
                raise ImageError(self._error.what, where=self._error.where, fix=self._error.fix)

    def wait_for_end(self) -> None:
        """Return once the writer is done.

        Raises:
            ImageError: The writer failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended)
            if self._error is not None:
                raise self._error
