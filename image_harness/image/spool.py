"""Where a layer's uncompressed bytes wait until somebody asks for a file's content.

One anonymous temporary file per layer: it holds the tar stream as it is, has no name in any directory, and is gone with
the process however that ends. Nothing of the image's own names or modes ever reaches the host's file system.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Final

from image_harness.image.blobs import Blob, Handle
from image_harness.image.errors import ImageError
from image_harness.image.limits import MIB

_ZEROS: Final = bytes(MIB)


class Spool:
    """An anonymous temporary file that grows.

    Args:
        where: What is kept in it, for messages.
        handle: Makes the handle that readers get.
    """

    def __init__(self, where: str, handle: Callable[[int], Handle] = Handle) -> None:
        self._where = where
        self.size = 0
        try:
            with tempfile.TemporaryFile(buffering=0) as file:
                self._handle = handle(os.dup(file.fileno()))
        except OSError as error:
            raise self._failed(error) from None

    def write(self, data: bytes) -> None:
        """Append; runs of zeros become holes that cost no disk.

        Raises:
            ImageError: The disk is full.
        """
        try:
            if data[0] or data != _ZEROS[: len(data)]:
                view = memoryview(data)
                position = self.size
                while view:
                    written = os.pwrite(self._handle.number, view, position)
                    view, position = view[written:], position + written
            else:
                os.ftruncate(self._handle.number, self.size + len(data))
        except OSError as error:
            raise self._failed(error) from None
        self.size += len(data)

    def blob(self) -> Blob:
        """Return what was written, to be read by position."""
        return Blob(self._where, self._handle, 0, self.size)

    def close(self) -> None:
        """Drop the file."""
        self._handle.close()

    def _failed(self, error: OSError) -> ImageError:
        return ImageError(
            f"no room for the uncompressed data in {tempfile.gettempdir()}: {error.strerror}",
            where=self._where,
            fix="set TMPDIR to a larger place",
        )
