"""Paths are resolved inside the image, and contents read where they lie."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from image_harness.image import FileSystem, ImageError
from image_harness.image import limits as limit
from tests.image.builder import Entries, ImageBuilder, Node, Open, entry_at, open_built, symlink


class TestSymbolicLinks:
    def test_links_are_resolved_inside_the_image(self, open_layers: Open) -> None:
        fs = open_layers(
            {
                "etc/passwd": b"image",
                "up": symlink("../../../../../../etc/passwd"),
                "absolute": symlink("/etc/passwd"),
                "d/relative": symlink("../etc/./passwd"),
                "dir": symlink("etc"),
            }
        )
        for path in ("/up", "/absolute", "/d/relative", "/dir/passwd", "/dir/../up", "/../../absolute"):
            assert fs.read_bytes(path) == b"image"
            assert fs.resolve(path) == "/etc/passwd"
        assert entry_at(fs, "/up", follow=False).link_target == "../../../../../../etc/passwd"

    def test_a_dangling_link_is_there_but_leads_to_nothing(self, open_layers: Open) -> None:
        fs = open_layers({"l": symlink("/nowhere/at/all")})
        assert fs.entry("/l", follow=False) is not None
        assert fs.entry("/l") is None
        assert not fs.exists("/l")

    @pytest.mark.parametrize(
        "entries",
        [
            {"a": symlink("a")},
            {"a": symlink("b"), "b": symlink("a")},
            {"a": symlink("a/x")},
            {"a": symlink("./a/../a")},
        ],
    )
    def test_a_loop_is_told_and_ends(self, open_layers: Open, entries: Entries) -> None:
        fs = open_layers(entries)
        for ask in (fs.exists, fs.resolve, fs.read_bytes, fs.children):
            with pytest.raises(ImageError, match="/a: more than 40 symbolic links"):
                ask("/a")

    def test_an_entry_below_a_loop_is_refused(self, open_layers: Open) -> None:
        with pytest.raises(ImageError, match="a/b: more than 40 symbolic links"):
            open_layers({"a": symlink("a"), "a/b": b""})

    def test_links_that_double_the_way_are_bounded(self, open_layers: Open) -> None:
        # Each link walks through the one before twice: 2**30 steps, were they not counted.
        entries = {f"l{number}": symlink(f"l{number - 1}/../l{number - 1}") for number in range(1, 30)}
        with pytest.raises(ImageError, match="more than 40 symbolic links"):
            open_layers({"l0": symlink("."), **entries}).exists("/l29")


class TestAsking:
    def test_what_is_not_there_is_none(self, open_layers: Open) -> None:
        fs = open_layers({"a": b""})
        assert fs.entry("/b") is None
        assert fs.entry("/a/below-a-file") is None
        assert not fs.exists("/b/c/d")
        for ask in (fs.read_bytes, fs.children, fs.resolve):
            with pytest.raises(ImageError, match="/b: does not exist"):
                ask("/b")

    def test_children_and_walk_are_sorted_and_complete(self, open_layers: Open) -> None:
        fs = open_layers({"b/z": b"", "b/a/q": b"", "a": b"", "b.c": b""})
        assert [entry.path for entry in fs.children("/")] == ["/a", "/b", "/b.c"]
        assert [entry.path for entry in fs.walk("/b")] == ["/b", "/b/a", "/b/a/q", "/b/z"]
        with pytest.raises(ImageError, match="/a: is no directory"):
            fs.children("/a")

    def test_content_is_read_whole_in_parts_and_in_pieces(self, open_layers: Open) -> None:
        content = bytes(range(256)) * 10_000
        fs = open_layers({"a": b"before", "f": content, "z": b"after"})
        entry = entry_at(fs, "/f")
        assert fs.read_bytes("/f") == content == b"".join(fs.pieces("/f"))
        assert fs.read_at(entry, 1000, 50) == content[1000:1050]
        assert fs.read_at(entry, len(content) - 3, 50) == content[-3:]
        assert fs.read_at(entry, len(content) + 3, 50) == b""

    def test_content_over_the_callers_limit_is_refused(self, open_layers: Open) -> None:
        with pytest.raises(ImageError, match="/f: has 10 bytes, more than 9"):
            open_layers({"f": b"0123456789"}).read_bytes("/f", limit=9)
        with pytest.raises(ImageError, match="/f: has 10 bytes, more than 9"):
            open_layers({"f": b"0123456789"}).read_text("/f", limit=9)
        assert open_layers({"f": b"0123456789"}).read_bytes("/f", limit=10) == b"0123456789"

    def test_each_kind_of_digest_is_another_one(self, open_layers: Open) -> None:
        fs = open_layers({"f": b"text"})
        for algorithm in ("md5", "sha256", "md5"):
            expected = hashlib.new(algorithm, b"text", usedforsecurity=False).hexdigest()
            assert fs.digest(entry_at(fs, "/f"), algorithm) == expected

    def test_text_that_is_not_utf8_is_refused_with_its_place(self, open_layers: Open) -> None:
        fs = open_layers({"good": "ü".encode(), "bad": b"ab\xff"})
        assert fs.read_text("/good") == "ü"
        with pytest.raises(ImageError, match="/bad: byte 2 is not UTF-8"):
            fs.read_text("/bad")

    def test_an_entry_tells_time_attributes_and_a_line_for_reports(self, open_layers: Open) -> None:
        node = Node(b"123", mode=0o4755, uid=1, gid=2, mtime=0.25, pax={"SCHILY.xattr.user.a": "b"})
        entry = entry_at(open_layers({"f": node, "l": symlink("f")}), "/f")
        assert entry.mtime == datetime(1970, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
        assert entry.xattrs == {"user.a": b"b"}
        assert repr(entry) == "</f -4755 1:2 3 bytes, layer 0>"

    def test_entries_of_two_readings_are_equal(self, open_layers: Open) -> None:
        first, second = open_layers({"f": b"1"}), open_layers({"f": b"1"})
        assert first == second
        assert first != open_layers({"f": Node(b"1", mode=0o600)})

    def test_a_sparse_file_reads_with_its_holes(self, tmp_path: Path) -> None:
        with (tmp_path / "sparse").open("wb") as file:
            for position in (0, 3_000_000, 5_999_000):
                file.seek(position)
                file.write(b"data at %d" % position)
            file.truncate(8_000_000)
        command: list[str | Path] = [
            "tar",
            "-C",
            tmp_path,
            "-c",
            "-S",
            "--format=pax",
            "-f",
            tmp_path / "layer.tar",
            "sparse",
        ]
        subprocess.run(command, check=True, timeout=60)
        expected = (tmp_path / "sparse").read_bytes()
        with open_built(ImageBuilder().raw_layer((tmp_path / "layer.tar").read_bytes()), tmp_path) as image:
            fs = image.filesystem
            assert fs.read_bytes("/sparse") == expected == b"".join(fs.pieces("/sparse"))
            entry = entry_at(fs, "/sparse")
            assert fs.read_at(entry, 2_999_990, 100) == expected[2_999_990:3_000_090]

    def test_a_sparse_file_of_any_size_is_not_read_as_a_whole(self, open_layers: Open) -> None:
        pax = {"GNU.sparse.map": "0,3", "GNU.sparse.size": str(2**50)}
        fs = open_layers({"huge": Node(b"abc", pax=pax)})
        with pytest.raises(ImageError, match=f"more than {limit.CONTENT_BYTES}"):
            fs.read_bytes("/huge")
        entry = entry_at(fs, "/huge")
        assert fs.read_at(entry, 0, 5) == b"abc\0\0"

    def test_what_follows_from_a_content_is_found_out_once_by_all_who_share_it(self, open_layers: Open) -> None:
        fs, known = open_layers({"a": b"x", "b": b"y"}), dict[Hashable, Any]()
        sharing = [FileSystem(fs._root, (), (), "image", known) for _ in range(2)]
        numbers = iter(range(9))
        assert [one.once("/a", "what", lambda: next(numbers)) for one in sharing] == [0, 0]
        assert [one.once("/b", "what", lambda: 5) for one in (*sharing, fs)] == [5, 5, 5]
        assert fs.once("/a", "what", lambda: 6) == 6
        with pytest.raises(ImageError, match=r"/: is no regular file$"):
            fs.read_at(entry_at(fs, "/"), 0, 1)

    def test_what_follows_from_the_whole_is_found_out_once(self, open_layers: Open) -> None:
        fs, asked = open_layers({"a": b"x"}), []

        def find_out() -> int:
            asked.append(True)
            if len(asked) == 1:
                raise LookupError("not yet")
            return len(list(fs.walk()))

        with pytest.raises(LookupError, match="not yet"):
            fs.once_of_all("entries", find_out)
        assert [fs.once_of_all("entries", find_out) for _ in range(3)] == [2, 2, 2]
        assert len(asked) == 2
        assert fs.once_of_all("others", lambda: 7) == 7
        assert open_layers({"a": b"x"}).once_of_all("entries", lambda: 8) == 8
