"""An entry is shown by what a reader of a report needs of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from image_harness.image.entries import DeletedEntry, Entry, EntryType, OverwrittenEntry

FILE = Entry("/a", EntryType.FILE, 0o4755, 65532, 7, 12, 1_500_000_999, None, 3, "COPY", {})


def changed(**values: object) -> Entry:
    fields = {name: getattr(FILE, name) for name in FILE.__dataclass_fields__}
    return Entry(**{**fields, **values})


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (FILE, "</a -4755 65532:7 12 bytes, layer 3>"),
        (changed(type=EntryType.DIRECTORY, size=0, mode=0o7), "</a d0007 65532:7, layer 3>"),
        (changed(type=EntryType.SYMLINK, size=0, link_target="b"), "</a -> b l4755 65532:7, layer 3>"),
    ],
)
def test_an_entry_shows_where_what_whose_and_from_which_layer(entry: Entry, shown: str) -> None:
    assert repr(entry) == shown


def test_a_moment_is_cut_off_at_microseconds() -> None:
    assert FILE.mtime == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


def test_what_a_hard_link_wastes_is_counted_where_its_file_is() -> None:
    link = changed(hard_link="/b")
    assert [DeletedEntry(entry, 4).wasted_bytes for entry in (FILE, link)] == [12, 0]
    assert [OverwrittenEntry(entry, 4).wasted_bytes for entry in (FILE, link)] == [12, 0]
