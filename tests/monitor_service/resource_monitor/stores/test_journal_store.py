"""Samples as lines of a file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resource_monitor.models import Sample
from resource_monitor.stores.documents import SAMPLE
from resource_monitor.stores.journal_store import JournalStore


def test_each_sample_is_a_line(tmp_path: Path) -> None:
    samples = [Sample(None, datetime.now(UTC), value, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for value in range(2)]
    asyncio.run(JournalStore(tmp_path).write(samples))
    lines = (tmp_path / "samples.jsonl").read_bytes().splitlines()
    assert [SAMPLE.validate_json(line) for line in lines] == samples


def test_a_folder_that_cannot_be_written_is_noticed_without_a_sample(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        asyncio.run(JournalStore(tmp_path / "file").ping())
