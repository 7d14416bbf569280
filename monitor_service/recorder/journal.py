"""A file of lines that never grows beyond a size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import aiofiles
import aiofiles.os

_LARGEST = 8 * 1024 * 1024


class Journal:
    """Appends lines to a file. When the file is full it takes the name ``<name>.1``, in place of the one before.

    Args:
        file: The file; its folder is made when it is missing.
        largest: The size, in bytes, at which the file is put aside: twice this is used at most, and one batch.
    """

    def __init__(self, file: Path, *, largest: int = _LARGEST) -> None:
        self._file = file
        self._largest = largest

    async def append(self, lines: Sequence[bytes]) -> None:
        """Append lines, each without its end.

        Raises:
            OSError: The file cannot be written.
        """
        await aiofiles.os.makedirs(self._file.parent, exist_ok=True)
        async with aiofiles.open(self._file, "ab") as stream:
            await stream.write(b"".join(line + b"\n" for line in lines))
            size = await stream.tell()
        if size >= self._largest:
            await aiofiles.os.replace(self._file, self._file.with_name(f"{self._file.name}.1"))
