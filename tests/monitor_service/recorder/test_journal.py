"""A journal grows up to a size, and no further."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from recorder.journal import Journal


def _append(journal: Journal, *batches: Sequence[bytes]) -> None:
    async def append() -> None:
        for batch in batches:
            await journal.append(batch)

    asyncio.run(append())


def test_lines_are_appended_and_the_folder_is_made(tmp_path: Path) -> None:
    file = tmp_path / "new" / "journal"
    _append(Journal(file), [b"one", b"two"], [b"three"])
    assert file.read_text() == "one\ntwo\nthree\n"


def test_a_full_file_is_put_aside_once(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    _append(Journal(file, largest=10), *([b"%09d" % number] for number in range(5)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.1"]
    assert (tmp_path / "journal.1").read_text() == "000000004\n"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        _append(Journal(tmp_path / "file" / "journal"), [b"line"])
