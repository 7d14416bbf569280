"""The two outputs of a program in one stream, as engines send them: frames with a head of eight bytes.

The client library takes a stream that ends in the middle of a frame for one that has ended. Then half of what a program
wrote would be all that a check ever saw.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from image_harness.engine.errors import EngineError

STDERR = 2
_HEAD = struct.Struct(">BxxxL")


def read_frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """The frames of a stream: number of the output, and what was written there.

    Args:
        read: Gives at most so many bytes, and none at the end.

    Raises:
        EngineError: The stream ends in the middle of a frame.
    """
    while head := _exactly(read, _HEAD.size):
        output, length = _HEAD.unpack(head)
        data = _exactly(read, length) if length else b""
        if len(data) < length:
            raise EngineError("the engine's stream broke off in the middle of what a program wrote")
        yield output, data


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    """So many bytes, or none at the end of the stream.

    Raises:
        EngineError: The stream ends among them.
    """
    found = b""
    while len(found) < size:
        piece = read(size - len(found))
        if not piece and found:
            raise EngineError("the engine's stream broke off in the middle of what a program wrote")
        if not piece:
            return b""
        found += piece
    return found
