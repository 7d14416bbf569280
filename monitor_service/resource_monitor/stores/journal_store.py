"""Every sample as a line of a file, where a folder for that is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recorder.journal import Journal
from resource_monitor.models import Sample
from resource_monitor.stores.documents import SAMPLE


class JournalStore:
    """Writes samples as JSON lines to ``samples.jsonl``."""

    name = "recorder"

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / "samples.jsonl")

    async def open(self) -> None:
        """Nothing is held open between writes."""

    async def ping(self) -> None:
        """Touch the file."""
        await self._journal.append(())

    async def write(self, samples: Sequence[Sample]) -> None:
        """Append the samples."""
        await self._journal.append([SAMPLE.dump_json(sample) for sample in samples])

    async def close(self) -> None:
        """Nothing is held open between writes."""
