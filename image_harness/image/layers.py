"""Layers: read once each, on several threads, in a pass that hashes, decompresses, keeps and indexes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Self

from image_harness.image.blobs import Blob
from image_harness.image.budget import Budget
from image_harness.image.compression import Compression, decompress
from image_harness.image.errors import ImageError
from image_harness.image.spool import Spool
from image_harness.image.tar import TarMember, TarParser
from image_harness.types import Digest

#: Decompressing and hashing run outside the interpreter's lock; more threads than this only wait for it.
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image.

    Attributes:
        index: Its place, counted from 0, the lowest.
        digest: Of the blob as it is stored.
        diff_id: Of the uncompressed tar.
        media_type: What the manifest calls it; "" where the transport has no manifest.
        size: Stored bytes.
        uncompressed_size: Bytes of the uncompressed tar.
        created_by: The instruction that made it; "" where the history does not tell.
    """

    index: int
    digest: Digest
    diff_id: Digest
    media_type: str
    size: int
    uncompressed_size: int
    created_by: str


@dataclass(frozen=True, slots=True)
class LayerScan:
    """What one pass over a layer's blob found.

    Attributes:
        blob: The blob as it is stored.
        digest: Its digest.
        diff_id: The digest of what it expands to.
        content: The uncompressed tar.
        members: The tar's entries, in order.
    """

    blob: Blob
    digest: Digest
    diff_id: Digest
    content: Blob
    members: list[TarMember]


class LayerScanner:
    """Reads layers on several threads, each blob once: empty layers are often one and the same.

    Leaving its block ends whatever is still being read.

    Args:
        where: The image, for messages.
        files: Gets what must stay open while content can be asked for.
    """

    def __init__(self, where: str, files: ExitStack) -> None:
        self._where = where
        self._files = files
        self._budget = Budget(where)
        self._threads = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1), thread_name_prefix="layer")
        self._scans: dict[Blob, Future[LayerScan]] = {}
        self._reads_ahead = False

    def read_ahead(self, blob: Blob) -> None:
        """Begin to read what may turn out to be a layer, before the image's documents tell."""
        self._reads_ahead = True
        self._begin(blob)

    def scan(self, blobs: Sequence[Blob]) -> tuple[list[LayerScan], Budget]:
        """Read all layers of an image.

        Args:
            blobs: The layers, lowest first.

        Returns:
            What was found, and what is left of the image's budget.

        Raises:
            ImageError: A layer is damaged, hostile, or over a limit; where several are, the lowest of them is named.
        """
        try:
            return self._results(blobs), self._budget
        except ImageError:
            if not self._reads_ahead:
                raise
            # Layers of other images among what was read ahead may have used the budget up: judge this image alone.
            self._budget.cancel()
            self._budget = Budget(self._where)
            self._scans.clear()
            return self._results(blobs), self._budget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.cancel()
        self._threads.shutdown(cancel_futures=True)

    def _begin(self, blob: Blob) -> None:
        if blob not in self._scans:
            self._scans[blob] = self._threads.submit(_scan, blob, self._budget, self._files)

    def _results(self, blobs: Sequence[Blob]) -> list[LayerScan]:
        for blob in blobs:
            self._begin(blob)
        return [self._scans[blob].result() for blob in blobs]


def _scan(blob: Blob, budget: Budget, files: ExitStack) -> LayerScan:
    stored, plain = hashlib.sha256(), hashlib.sha256()
    members: list[TarMember] = []

    def accept(member: TarMember) -> None:
        # One character is at least one byte: near enough for a limit, and the names need no second encoding.
        budget.charge_entry(len(member.name) + len(member.link))
        members.append(member)

    parser = TarParser(blob.where, accept, budget.charge_metadata)
    spool = None if Compression.of(blob) is Compression.NONE else _new_spool(blob, files)
    size = 0
    for piece in decompress(blob, stored.update):
        budget.charge_bytes(len(piece))
        if spool is not None:
            plain.update(piece)
            spool.write(piece)
        parser.feed(piece)
        size += len(piece)
    parser.close()
    digest = Digest(f"sha256:{stored.hexdigest()}")
    if spool is None:
        return LayerScan(blob, digest, digest, blob, members)
    return LayerScan(blob, digest, Digest(f"sha256:{plain.hexdigest()}"), spool.blob(), members)


def _new_spool(blob: Blob, files: ExitStack) -> Spool:
    spool = Spool(blob.where)
    files.callback(spool.close)
    return spool


def check_diff_id(scan: LayerScan, expected: Digest) -> None:
    """Compare what a layer expands to with what the configuration says.

    Raises:
        ImageError: They differ.
    """
    if scan.diff_id != expected:
        raise ImageError(f"the uncompressed layer's digest is {scan.diff_id}, not {expected}", where=scan.blob.where)


def check_digest(scan: LayerScan, expected: Digest) -> None:
    """Compare a layer's digest with what the manifest says.

    Raises:
        ImageError: They differ.
    """
    if scan.digest != expected:
        raise ImageError(f"the content's digest is {scan.digest}, not {expected}", where=scan.blob.where)
