"""Tar headers are read as engines read them; a damaged one is named and never taken for the archive's end."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from image_harness.image import limits
from image_harness.image.errors import ImageError
from image_harness.image.tar import TarMember, TarParser
from image_harness.image.tar_fields import Segment
from tests.image import builder
from tests.image.builder import Node, hard_link, symlink, tar


def parse(data: bytes, step: int = 1 << 20, charges: list[int] | None = None) -> list[TarMember]:
    found: list[TarMember] = []
    parser = TarParser("layer", found.append, ([] if charges is None else charges).append)
    for position in range(0, len(data), step):
        parser.feed(data[position : position + step])
    parser.close()
    return found


EVERYTHING: list[tuple[str, Node | bytes]] = [
    ("dir/", builder.directory(0o1777, uid=65532, gid=65533)),
    ("dir/file", Node(b"content", mode=0o4755, mtime=1_600_000_000.5)),
    ("dir/" + "long" * 60, b"long name"),
    ("link", symlink("t" * 300)),
    ("hard", hard_link("dir/file")),
    ("null", Node(kind=tarfile.CHRTYPE, device=(1, 3))),
    ("disk", Node(kind=tarfile.BLKTYPE, device=(8, 0))),
    ("pipe", Node(kind=tarfile.FIFOTYPE)),
    ("empty", b""),
    ("exactly-a-block", b"x" * 512),
    ("ünï", b"names"),
    ("huge-ids", Node(b"", uid=2**31, gid=2**40)),
    ("before-1970", Node(b"", mtime=-5)),
]


@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("step", [1, 511, 512, 513, 100_000])
def test_entries_are_what_pythons_tarfile_says(tar_format: int, step: int) -> None:
    data = tar(EVERYTHING, tar_format)
    found = parse(data, step)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member, expected in zip(found, archive.getmembers(), strict=True):
            assert member.name.rstrip("/") == expected.name
            assert (member.mode, member.uid, member.gid) == (expected.mode, expected.uid, expected.gid)
            assert (member.size, member.link) == (expected.size, expected.linkname)
            assert member.type.encode() == expected.type
            assert member.mtime_ns == expected.mtime * 1_000_000_000
            assert member.device == ((expected.devmajor, expected.devminor) if expected.isdev() else (0, 0))
            stream = archive.extractfile(expected) if expected.isreg() else None
            content = stream.read() if stream else b""
            assert data[member.offset : member.offset + member.size] == content


def test_a_ustar_prefix_is_part_of_the_name() -> None:
    name = "/".join(["part" * 10] * 4)
    assert [member.name for member in parse(tar({name: b""}, tarfile.USTAR_FORMAT))] == [name]


def test_bytes_that_are_not_utf8_survive_in_a_name() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        archive.addfile(tarfile.TarInfo("caf\udce9"))
    assert parse(stream.getvalue())[0].name == "caf\udce9"


def test_extended_attributes_are_read_as_bytes() -> None:
    record = b"SCHILY.xattr.security.capability=\x01\x00\x00\x02\n\xff"
    body = b"%d %s\n" % (len(record) + 4, record)
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, len(body)
    data = header.tobuf(tarfile.USTAR_FORMAT) + body.ljust(512, b"\0") + tar({"ping": b""})
    assert parse(data)[0].xattrs == {"security.capability": b"\x01\x00\x00\x02\n\xff"}


def test_global_headers_are_ignored_as_engines_ignore_them() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "evil"}) as archive:
        archive.addfile(tarfile.TarInfo("good"))
    assert [member.name for member in parse(stream.getvalue())] == ["good"]


def _tar_of_sparse(folder: Path, sparse_format: str) -> bytes:
    """Have the file ``sparse`` archived by GNU tar."""
    kind = ["--format=gnu"] if sparse_format == "gnu" else ["--format=pax", f"--sparse-version={sparse_format}"]
    command: list[str | Path] = ["tar", "-C", folder, "-c", "-S", *kind, "-f", folder / "out.tar", "sparse"]
    subprocess.run(command, check=True, timeout=60)
    return (folder / "out.tar").read_bytes()


# Headers of the old format hold 4 parts and 21 in each that follows; a block holds some 30 lines of the newest.
@pytest.mark.parametrize("parts", [1, 4, 5, 30, 100])
@pytest.mark.parametrize("sparse_format", ["gnu", "0.0", "0.1", "1.0"])
def test_sparse_files_keep_their_map(tmp_path: Path, sparse_format: str, parts: int) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        for part in range(parts):
            file.seek(part * 1_000_000)
            file.write(bytes([part + 1]) * 4096)
        file.truncate(parts * 1_000_000 + 4096)
    charges: list[int] = []
    data = _tar_of_sparse(tmp_path, sparse_format)

    (member,) = parse(data, charges=charges)
    assert (member.name, member.size) == ("sparse", parts * 1_000_000 + 4096)
    assert member.segments is not None
    assert len(member.segments) == parts
    assert charges[-1] == parts * limits.SEGMENT_BYTES
    content = bytearray(member.size)
    position = member.offset
    for segment in member.segments:
        content[segment.offset : segment.offset + segment.size] = data[position : position + segment.size]
        position += segment.size
    assert content == (tmp_path / "sparse").read_bytes()


@pytest.mark.parametrize("sparse_format", ["gnu", "0.0", "0.1", "1.0"])
def test_sparse_files_may_be_larger_than_octal_digits_tell(tmp_path: Path, sparse_format: str) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(20 << 30)
    assert [member.size for member in parse(_tar_of_sparse(tmp_path, sparse_format))] == [20 << 30]


def _old_sparse(size: bytes) -> bytes:
    """A file of the old sparse format that has a header and nothing else."""
    header = tarfile.TarInfo("sparse")
    header.type = tarfile.GNUTYPE_SPARSE
    return _with(header.tobuf(tarfile.GNU_FORMAT), 483, size)


def test_an_old_sparse_file_without_parts_is_all_zeros() -> None:
    (member,) = parse(_old_sparse(b"00000001750\0"))
    assert (member.size, member.segments) == (1000, ())


def test_an_old_sparse_file_of_no_size_is_refused() -> None:
    with pytest.raises(ImageError, match=r"^layer: the size b'0z' is not octal \(tar offset 0\)$"):
        parse(_old_sparse(b"0z\0"))


def test_a_sparse_file_that_does_not_tell_its_size_has_that_of_its_data() -> None:
    (member,) = parse(_sparse("map=0,512"))
    assert (member.size, member.segments) == (512, (Segment(0, 512),))


def _sparse(*records: str, size: int = 512) -> bytes:
    pax = dict(record.split("=", 1) for record in records)
    return tar({"f": Node(b"x" * size, pax={f"GNU.sparse.{key}": value for key, value in pax.items()})})


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (["map=512,512,0,512", "size=2048"], "not in order"),
        (["map=0,512", "size=100"], "does not fit the data"),
        (["map=0,100", "size=1000"], "does not fit the data"),
        (["map=0,512,1", "size=1000"], "lacks a size"),
        (["map=0,-1", "size=1000"], "not a whole number"),
        (["map=" + "0,0," * 1000 + "0,512", "size=1000"], "more than 1000 parts"),
        (["major=1", "minor=0", "realsize=1000"], "has no length"),
        (["map=0,512", "size=x"], "the size b'x' is not a whole number"),
    ],
)
def test_a_sparse_map_that_does_not_fit_is_refused(records: list[str], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        parse(_sparse(*records))


def test_a_sparse_map_inside_the_data_must_end() -> None:
    data = tar({"f": Node(b"9\n1\n".ljust(512, b"1"), pax={"GNU.sparse.major": "1", "GNU.sparse.realsize": "9"})})
    with pytest.raises(ImageError, match=r"^layer: the sparse map does not end \(tar offset \d+\)$"):
        parse(data)


def test_segments_of_no_bytes_are_dropped() -> None:
    (member,) = parse(_sparse("map=0,512,1000,0", "size=1000"))
    assert member.segments == (Segment(0, 512),)


def _with(data: bytes, position: int, value: bytes, *, fix: bool = True) -> bytes:
    """Change bytes of the first header, and make its checksum right again."""
    header = bytearray(data[:512])
    header[position : position + len(value)] = value
    if fix:
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data[512:]


FILE = tar({"name": b"content"}, tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_with(FILE, 0, b"m", fix=False), "checksum is wrong"),
        (_with(FILE, 148, b"zzzzzz\0 ", fix=False), "checksum b'zzzzzz' is not octal"),
        (_with(FILE, 100, b"9999999\0"), "mode b'9999999' is not octal"),
        (_with(FILE, 100, b"-000644\0"), "mode b'-000644' is not octal"),
        (_with(FILE, 100, b"0_0_644\0"), "mode b'0_0_644' is not octal"),
        (_with(FILE, 124, b"\xff" * 12), "size is negative"),
        (_with(FILE, 124, b"\x80" + b"\x7f" * 11), "size is out of range"),
        (_with(FILE, 136, b"\x80" + b"\0" * 4 + b"\x0f" + b"\xff" * 6), "is not in the years 1 to 9999"),
        (_with(FILE, 156, b"M"), "name: unknown entry type b'M'"),
        (FILE[:512] + FILE[512:1000], "cut off"),
        (FILE[:600], "cut off"),
        (FILE[:300], "cut off"),
        (FILE[:1024] + b"\0" * 512 + FILE, "a header follows half of an end-of-archive mark"),
        (FILE[:1024] + b"\x01" * 512, "checksum"),
        (b"no tar archive" * 100, "checksum"),
    ],
)
def test_a_damaged_archive_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        parse(data)
    assert str(caught.value).startswith("layer: ")
    assert "(tar offset " in str(caught.value)


def _pax(body: bytes, size: int | None = None) -> bytes:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, len(body) if size is None else size
    return header.tobuf(tarfile.GNU_FORMAT) + body.ljust(-(-len(body) // 512) * 512, b"\0") + FILE


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"12 path=evil", "PAX record is malformed"),
        (b"99 path=evil\n", "PAX record is malformed"),
        (b"0 a=b\n", "PAX record is malformed"),
        (b"6a=b\n", "PAX record is malformed"),
        (b"-5 a=b\n", "PAX record is malformed"),
        (b"6 a=bXX", "PAX record is malformed"),
        (b"5 =b\n", "PAX record has no key"),
        (b"5 ab\n", "PAX record has no key"),
        (b"12 mtime=1e9\n".replace(b"12", b"13"), "mtime b'1e9' is not a number"),
        (b"10 size=-1\n".replace(b"10", b"11"), "size b'-1' is not a whole number"),
        (b"13 path=a\0bc\n", r"^layer: a name holds a NUL byte \(tar offset 1024\)$"),
    ],
)
def test_a_malformed_pax_record_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        parse(_pax(body))


@pytest.mark.parametrize(("kind", "field"), [(b"L", "name"), (b"K", "link")])
def test_a_long_name_ends_with_its_first_nul_byte(kind: bytes, field: str) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = kind, 4
    (member,) = parse(header.tobuf(tarfile.GNU_FORMAT) + b"a\0b\0".ljust(512, b"\0") + FILE)
    assert getattr(member, field) == "a"


def test_an_extended_header_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ImageError, match=f"an extended header has {2**33} bytes, more than {limits.HEADER_BYTES}"):
        parse(_pax(b"", 2**33))


def test_an_extended_header_with_nothing_after_it_is_refused() -> None:
    data = _pax(b"9 path=a\n")
    with pytest.raises(ImageError, match="cut off"):
        parse(data[:1024])
    with pytest.raises(ImageError, match="the archive ends after an extended header"):
        parse(data[:1024] + b"\0" * 1024)


def test_an_archive_may_end_at_a_header_and_what_follows_its_end_is_padding() -> None:
    assert len(parse(FILE[:1024])) == 1
    assert len(parse(FILE[:1024] + b"\0" * 512)) == 1
    assert len(parse(FILE[:1024] + b"\0" * 1024 + b"anything" * 200)) == 1


def test_an_empty_archive_has_no_entries() -> None:
    assert parse(b"") == parse(b"\0" * 1024) == []
