"""Values of tar headers are read exactly, and refused in one clause where they say nothing clear."""

from __future__ import annotations

import re

import pytest

from image_harness.image import tar_fields
from image_harness.image.limits import SPARSE_SEGMENTS
from image_harness.image.tar_fields import BLOCK, Segment


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"    644 ", 0o644),
        (b"0000017\0junk", 0o17),
        (b"\0\0\0\0\0\0\0\0", 0),
        (b"\x81\x02\x03\x04\x05\x06\x07\x08", 0x0102030405060708),
        (b"\x80\0\0\0\0\0\0\x05", 5),
        (b"\xff" * 8, -1),
        (b"\xff" * 7 + b"\xfb", -5),
    ],
)
def test_a_number_is_octal_or_binary(field: bytes, value: int) -> None:
    assert tar_fields.number(field, "size") == value


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (b"0000689\0", "the uid b'0000689' is not octal"),
        (b"abc\0\0\0\0\0", "the uid b'abc' is not octal"),
        (b"\x80\x40" + bytes(7), "the uid is out of range"),
        (b"\xff\xc0" + bytes(7), "the uid is out of range"),
        (b"\xff" * 8, "the uid is negative"),
    ],
)
def test_what_is_no_number_is_named(field: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tar_fields.natural(field, "uid")


def test_a_whole_number_has_digits_only_and_at_most_eighteen() -> None:
    assert tar_fields.decimal(b"9" * 18, "size") == int("9" * 18)
    for value, shown in [(b"9" * 19, "9" * 19), (b"-1", "-1"), (b"", ""), (b"x" * 50, "x" * 40)]:
        with pytest.raises(ValueError, match=re.escape(f"the size {shown.encode()!r} is not a whole number")):
            tar_fields.decimal(value, "size")


@pytest.mark.parametrize(
    ("record", "nanoseconds"),
    [
        (None, 8_000_000_000),
        (b"1", 1_000_000_000),
        (b"1.5", 1_500_000_000),
        (b"1.", 1_000_000_000),
        (b"1.1234567899", 1_123_456_789),
        (b"-1.25", -1_250_000_000),
    ],
)
def test_a_moment_is_in_nanoseconds(record: bytes | None, nanoseconds: int) -> None:
    assert tar_fields.moment_ns(b"00000000010\0", record) == nanoseconds


@pytest.mark.parametrize("seconds", [-62_135_596_801, 253_402_300_800])
def test_a_moment_that_no_calendar_has_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match=f"^the mtime {seconds} is not in the years 1 to 9999$"):
        tar_fields.moment_ns(b"", str(seconds).encode())


def test_the_first_and_the_last_moment_are_read() -> None:
    for seconds in (-62_135_596_800, 253_402_300_799):
        assert tar_fields.moment_ns(b"", str(seconds).encode()) == seconds * 1_000_000_000


def test_records_are_told_apart_by_their_lengths() -> None:
    body = b"8 a=b c\n8 x=y=z\n8 path=\n12 k=\n6 a=b\n"
    assert tar_fields.pax_records(body) == [(b"a", b"b c"), (b"x", b"y=z"), (b"path", b""), (b"k", b"\n6 a=b")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"x a=b\n", "a PAX record is malformed"),
        (b"6a=b\n", "a PAX record is malformed"),
        (b"6 a=b\n7 a=b\n", "a PAX record is malformed"),
        (b"6 a=bX", "a PAX record is malformed"),
        (b"0000000000006 a=b\n", "a PAX record is malformed"),
        (b"2 \n", "a PAX record is malformed"),
        (b"5 =b\n", "a PAX record has no key"),
        (b"5 ab\n", "a PAX record has no key"),
    ],
)
def test_a_malformed_record_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        tar_fields.pax_records(body)


def test_extended_attributes_are_what_has_their_prefix() -> None:
    pax = {b"SCHILY.xattr.user.a": b"\xff", b"path": b"x", b"LIBARCHIVE.xattr.user.b": b"c"}
    assert tar_fields.xattrs(pax) == {"user.a": b"\xff"}
    assert tar_fields.xattrs({b"path": b"x"}) is tar_fields.NO_XATTRS


def _block(*pairs: tuple[bytes, bytes]) -> bytes:
    content = b"".join(offset.ljust(12, b"\0") + size.ljust(12, b"\0") for offset, size in pairs)
    return (b"\xff" * 386 + content.ljust(96, b"\0")).ljust(BLOCK, b"\xff")


def test_an_old_sparse_map_ends_with_an_empty_pair() -> None:
    block = _block((b"0", b"1000"), (b"", b"10"), (b"20", b""), (b" ", b" "))
    assert tar_fields.gnu_segments(block) == [Segment(0, 512), Segment(0, 8), Segment(16, 0)]


def test_an_old_sparse_map_may_fill_its_field() -> None:
    assert len(tar_fields.gnu_segments(_block(*[(b"1", b"1")] * 4))) == 4
    assert len(tar_fields.gnu_segments(b"1".ljust(12, b"\0") * 42 + bytes(8), slice(0, 504))) == 21


@pytest.mark.parametrize("pair", [(b"z", b"1"), (b"1", b"z")])
def test_an_old_sparse_map_of_no_numbers_is_refused(pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"^the sparse map b'z' is not octal$"):
        tar_fields.gnu_segments(_block(pair))


def test_offsets_and_sizes_alternate() -> None:
    assert tar_fields.paired_segments([b"0", b"5", b"10", b"7"]) == [Segment(0, 5), Segment(10, 7)]
    with pytest.raises(ValueError, match=r"^the sparse map lacks a size$"):
        tar_fields.paired_segments([b"0", b"5", b"10"])
    with pytest.raises(ValueError, match=r"^the sparse map b'z' is not a whole number$"):
        tar_fields.paired_segments([b"z", b"5"])


@pytest.mark.parametrize(
    ("data", "segments"),
    [
        (b"2", None),
        (b"2\n0\n5\n10\n7", None),
        (b"2\n0\n5\n10\n7\n", [Segment(0, 5), Segment(10, 7)]),
        (b"1\n0\n5\n" + bytes(506), [Segment(0, 5)]),
        (b"0\n", []),
    ],
)
def test_a_map_of_lines_is_read_once_all_of_it_is_there(data: bytes, segments: list[Segment] | None) -> None:
    assert tar_fields.sparse_map(data) == segments


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1" * 512, "the sparse map has no length"),
        (b"x\n", "the sparse map b'x' is not a whole number"),
        (b"1 2\n0\n5\n", "the sparse map b'1 2' is not a whole number"),
        (f"{SPARSE_SEGMENTS + 1}\n".encode(), f"the sparse map has {SPARSE_SEGMENTS + 1} parts, more than 1000"),
    ],
)
def test_a_map_of_lines_that_does_not_count_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        tar_fields.sparse_map(data)


def test_a_map_of_the_most_parts_is_read() -> None:
    assert tar_fields.sparse_map(f"{SPARSE_SEGMENTS}\n".encode()) is None
    tar_fields.limit_segments([Segment(0, 0)] * SPARSE_SEGMENTS)


@pytest.mark.parametrize(
    ("segments", "stored", "size", "message"),
    [
        ([Segment(5, 1), Segment(4, 1)], 2, 10, "the sparse map is not in order"),
        ([Segment(0, 5), Segment(4, 1)], 6, 10, "the sparse map is not in order"),
        ([Segment(0, 5), Segment(8, 3)], 8, 10, "the sparse map does not fit the data"),
        ([Segment(0, 5), Segment(8, 2)], 8, 10, "the sparse map does not fit the data"),
        ([Segment(0, 1)] * (SPARSE_SEGMENTS + 1), 1, 10, "the sparse map has more than 1000 parts"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(segments: list[Segment], stored: int, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        tar_fields.checked_segments(segments, stored, size)


def test_parts_may_touch_and_reach_the_end() -> None:
    segments = [Segment(0, 5), Segment(5, 5), Segment(10, 0)]
    assert tar_fields.checked_segments(segments, 10, 10) == (Segment(0, 5), Segment(5, 5))
