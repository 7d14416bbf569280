"""What all layers of an image may cost together; several threads draw on it."""

from __future__ import annotations

import threading

from image_harness.image.errors import ImageError
from image_harness.image.limits import ENTRIES, IMAGE_BYTES, METADATA_BYTES


class Budget:
    """Counts bytes, entries and their metadata, and refuses what goes over the limits.

    Args:
        where: The image, for messages.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._lock = threading.Lock()
        self._bytes = 0
        self._entries = 0
        self._metadata = 0
        self._cancelled = False

    def cancel(self) -> None:
        """Make the next byte that anybody takes the last: the image is not wanted any more."""
        self._cancelled = True

    def charge_bytes(self, count: int) -> None:
        """Take uncompressed bytes.

        Raises:
            ImageError: All layers together have more than the limit.
        """
        with self._lock:
            self._bytes += count
            if self._cancelled:
                raise ImageError("reading was stopped", where=self._where)
            if self._bytes > IMAGE_BYTES:
                raise ImageError(f"expands to more than {IMAGE_BYTES} bytes", where=self._where)

    def charge_entry(self, metadata: int) -> None:
        """Take one entry and the bytes of its names.

        Raises:
            ImageError: All layers together have more than the limit.
        """
        with self._lock:
            self._entries += 1
            if self._entries > ENTRIES:
                raise ImageError(f"has more than {ENTRIES} entries", where=self._where)
        self.charge_metadata(metadata)

    def charge_metadata(self, count: int) -> None:
        """Take bytes of headers.

        Raises:
            ImageError: All layers together have more than the limit.
        """
        with self._lock:
            self._metadata += count
            if self._metadata > METADATA_BYTES:
                raise ImageError(f"has more than {METADATA_BYTES} bytes of names and headers", where=self._where)
