"""Layers laid over one another give what an engine would mount; what does not belong into a layer is refused."""

from __future__ import annotations

import tarfile
import time
from pathlib import Path

import pytest

from image_harness.image import EntryType, FileSystem, ImageError
from tests.image.builder import Entries, Node, Open, directory, entry_at, hard_link, symlink


def paths(fs: FileSystem) -> list[str]:
    return [entry.path for entry in fs.walk()]


DESCRIPTORS = Path("/proc/self/fd")


class TestMerging:
    def test_an_upper_file_replaces_a_lower_one(self, open_layers: Open) -> None:
        fs = open_layers({"a": b"lower", "b": b"stays"}, {"a": b"upper"})
        assert (fs.read_bytes("/a"), fs.read_bytes("/b")) == (b"upper", b"stays")
        entry = entry_at(fs, "/a")
        assert (entry.layer, entry.created_by) == (1, "STEP 1")
        assert [(item.entry.path, item.wasted_bytes, item.overwritten_by) for item in fs.overwritten] == [("/a", 5, 1)]

    def test_a_whiteout_deletes_what_lower_layers_hold(self, open_layers: Open) -> None:
        fs = open_layers({"d/a": b"12345", "d/b": b"", "c": b""}, {"d/.wh.a": b"", ".wh.c": b"", ".wh.absent": b""})
        assert paths(fs) == ["/", "/d", "/d/b"]
        assert [(item.entry.path, item.wasted_bytes, item.deleted_by) for item in fs.deleted] == [
            ("/d/a", 5, 1),
            ("/c", 0, 1),
        ]

    def test_a_whiteout_of_a_directory_takes_everything_below_it(self, open_layers: Open) -> None:
        fs = open_layers({"d/e/f": b"abc", "d/g": b""}, {".wh.d": b""})
        assert paths(fs) == ["/"]
        assert sorted(item.entry.path for item in fs.deleted) == ["/d", "/d/e", "/d/e/f", "/d/g"]

    @pytest.mark.parametrize("first", ["whiteout", "file"])
    def test_a_whiteout_spares_its_own_layer_whatever_the_order(self, open_layers: Open, first: str) -> None:
        upper: list[tuple[str, Node | bytes]] = [("d/.wh.a", b""), ("d/a", b"new")]
        fs = open_layers({"d/a": b"old", "d/b": b""}, upper if first == "whiteout" else upper[::-1])
        assert fs.read_bytes("/d/a") == b"new"

    @pytest.mark.parametrize("first", ["opaque", "file"])
    def test_an_opaque_directory_hides_lower_content_only(self, open_layers: Open, first: str) -> None:
        upper: list[tuple[str, Node | bytes]] = [("d/.wh..wh..opq", b""), ("d/new/x", b"")]
        lower: Entries = {"d/old": b"123", "d/new/y": b"", "e": b""}
        fs = open_layers(lower, upper if first == "opaque" else upper[::-1])
        assert paths(fs) == ["/", "/d", "/d/new", "/d/new/x", "/e"]
        assert "/d/old" in [item.entry.path for item in fs.deleted]

    def test_a_deleted_path_can_be_made_again(self, open_layers: Open) -> None:
        fs = open_layers({"a": b"1"}, {".wh.a": b""}, {"a": directory()}, {"a/b": b"2"})
        assert paths(fs) == ["/", "/a", "/a/b"]
        assert len(fs.deleted) == 1

    def test_a_name_that_holds_a_mark_but_does_not_begin_with_one_is_a_file(self, open_layers: Open) -> None:
        assert paths(open_layers({"b": b""}, {"a.wh.b": b"", "d.wh./c": b""})) == [
            "/",
            "/a.wh.b",
            "/b",
            "/d.wh.",
            "/d.wh./c",
        ]

    def test_metadata_of_union_file_systems_is_no_content(self, open_layers: Open) -> None:
        assert paths(open_layers({".wh..wh.plnk/1.2": b"", ".wh..wh.aufs": b"", "a": b""})) == ["/", "/a"]

    def test_whiteouts_without_end_are_quick(self, open_layers: Open) -> None:
        files = {f"d/{number}": b"" for number in range(3000)}
        whiteouts: list[tuple[str, Node | bytes]] = [("d/.wh..wh..opq", b""), (".wh.d", b"")] * 3000
        begin = time.monotonic()
        fs = open_layers(files, [*files.items(), *whiteouts])
        assert time.monotonic() - begin < 5
        assert len(paths(fs)) == 3002

    def test_a_directory_listed_again_keeps_its_content_and_takes_the_new_mode(self, open_layers: Open) -> None:
        fs = open_layers({"d/": directory(0o755), "d/a": b""}, {"d/": directory(0o700, uid=5)})
        entry = entry_at(fs, "/d")
        assert (entry.mode, entry.uid, entry.layer) == (0o700, 5, 1)
        assert fs.exists("/d/a")

    def test_a_file_over_a_directory_and_a_directory_over_a_link_replace_it(self, open_layers: Open) -> None:
        fs = open_layers({"d/a": b"12", "t/": directory(), "l": symlink("t")}, {"d": b"file", "l/": directory()})
        assert entry_at(fs, "/d", follow=False).type is EntryType.FILE
        assert entry_at(fs, "/l", follow=False).type is EntryType.DIRECTORY
        assert sorted(item.entry.path for item in fs.overwritten) == ["/d/a", "/l"]

    def test_an_entry_below_a_link_goes_where_the_link_leads(self, open_layers: Open) -> None:
        fs = open_layers({"run/": directory(), "var/run": symlink("/run")}, {"var/run/.keep": b"x"})
        assert fs.read_bytes("/run/.keep") == b"x"
        assert entry_at(fs, "/var/run", follow=False).type is EntryType.SYMLINK

    def test_a_whiteout_below_a_link_deletes_where_the_link_leads(self, open_layers: Open) -> None:
        fs = open_layers({"run/a": b"", "var/run": symlink("../run")}, {"var/run/.wh.a": b""})
        assert not fs.exists("/run/a")

    def test_directories_that_no_layer_lists_are_made_as_engines_make_them(self, open_layers: Open) -> None:
        entry = entry_at(open_layers({}, {"a/b/c": b""}), "/a/b")
        assert (entry.type, entry.mode, entry.uid, entry.gid) == (EntryType.DIRECTORY, 0o755, 0, 0)
        assert (entry.size, entry.mtime_ns, entry.xattrs) == (0, 0, {})
        assert (entry.layer, entry.created_by) == (1, "STEP 1")

    def test_the_root_that_no_layer_lists_is_the_first_layers(self, open_layers: Open) -> None:
        entry = entry_at(open_layers({"a": b""}, {"b": b""}), "/")
        assert (entry.path, entry.layer, entry.created_by) == ("/", 0, "")

    def test_the_root_takes_the_mode_that_a_layer_gives_it(self, open_layers: Open) -> None:
        entry = entry_at(open_layers({"./": directory(0o700)}), "/")
        assert (entry.path, entry.mode) == ("/", 0o700)

    def test_names_with_dots_and_double_slashes_are_the_plain_path(self, open_layers: Open) -> None:
        assert paths(open_layers({"./a//b/./c": b""})) == ["/", "/a", "/a/b", "/a/b/c"]


class TestHardLinks:
    def test_a_hard_link_is_a_file_with_its_targets_content(self, open_layers: Open) -> None:
        fs = open_layers({"a": Node(b"text", mode=0o600, uid=7), "d/b": hard_link("a", 0o600, uid=7)})
        entry = entry_at(fs, "/d/b")
        assert (entry.path, entry.hard_link) == ("/d/b", "/a")
        assert (entry.type, entry.mode, entry.uid, entry.size) == (EntryType.FILE, 0o600, 7, 4)
        assert fs.read_bytes("/d/b") == b"text"

    def test_all_names_of_a_file_have_the_mode_and_owner_of_the_last_link(self, open_layers: Open) -> None:
        fs = open_layers(
            {"a": Node(b"text", uid=7), "b": hard_link("a", 0o600, uid=7)}, {"c": hard_link("b", 0o4755, uid=8, gid=9)}
        )
        found = [entry_at(fs, path) for path in ("/a", "/b", "/c")]
        assert [(entry.mode, entry.uid, entry.gid) for entry in found] == [(0o4755, 8, 9)] * 3
        assert [(entry.layer, entry.hard_link) for entry in found] == [(0, None), (0, "/a"), (1, "/a")]

    def test_all_names_of_a_file_have_the_extended_attributes_of_every_link(self, open_layers: Open) -> None:
        first, second = ({f"SCHILY.xattr.user.{name}": name} for name in ("one", "two"))
        fs = open_layers({"a": Node(pax=first), "b": hard_link("a", pax=second), "c": hard_link("a")})
        assert [entry_at(fs, path).xattrs for path in ("/a", "/b", "/c")] == [
            {"user.one": b"one", "user.two": b"two"}
        ] * 3

    def test_a_name_that_was_filled_anew_is_no_name_of_the_file_any_more(self, open_layers: Open) -> None:
        fs = open_layers({"a": b"old", "b": hard_link("a")}, {"a": b"new"}, {"c": hard_link("b", 0o4755)})
        assert [entry_at(fs, path).mode for path in ("/a", "/b", "/c")] == [0o644, 0o4755, 0o4755]

    def test_a_hard_link_to_a_symbolic_link_gives_it_an_owner_and_no_mode(self, open_layers: Open) -> None:
        fs = open_layers({"l": symlink("a"), "h": hard_link("l", 0o4755, uid=7)})
        found = [entry_at(fs, path, follow=False) for path in ("/l", "/h")]
        assert [(entry.mode, entry.uid) for entry in found] == [(0o777, 7)] * 2

    def test_links_that_contradict_each_other_without_end_are_refused(
        self, open_layers: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("image_harness.image.budget.ENTRIES", 2000)
        same = {f"{number}": hard_link("a") for number in range(1500)}
        assert len(paths(open_layers({"a": b"", **same}))) == 1502
        with pytest.raises(ImageError, match="has more than 2000 entries"):
            open_layers({"a": b"", **{f"{n}": hard_link("a", 0o600 + n % 2) for n in range(100)}})

    def test_a_hard_link_keeps_its_content_when_the_target_is_replaced_or_deleted(self, open_layers: Open) -> None:
        fs = open_layers({"a": b"old", "b": hard_link("./a")}, {"a": b"new"}, {".wh.a": b""})
        assert fs.read_bytes("/b") == b"old"

    def test_a_hard_link_into_a_lower_layer_works(self, open_layers: Open) -> None:
        fs = open_layers({"a": b"1"}, {"b": hard_link("/a")})
        assert fs.read_bytes("/b") == b"1"
        assert [(entry_at(fs, path).layer, entry_at(fs, path).created_by) for path in ("/a", "/b")] == [
            (0, "STEP 0"),
            (1, "STEP 1"),
        ]

    def test_a_hard_link_to_a_symbolic_link_is_one_more_of_it(self, open_layers: Open) -> None:
        fs = open_layers({"a": b"1", "l": symlink("a"), "h": hard_link("l")})
        entry = entry_at(fs, "/h", follow=False)
        assert (entry.type, entry.link_target, entry.hard_link) == (EntryType.SYMLINK, "a", "/l")

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"b": hard_link("absent")}, "b: hard link to absent, which is not there"),
            ({"d/": directory(), "b": hard_link("d")}, "b: hard link to d, which is a directory"),
            ({"b": hard_link("../../etc/passwd")}, "b: a name with .."),
            ({"b": hard_link("b")}, "b: hard link to b, which is not there"),
        ],
    )
    def test_a_hard_link_that_leads_nowhere_is_refused(self, open_layers: Open, entries: Entries, message: str) -> None:
        with pytest.raises(ImageError, match=message):
            open_layers(entries)

    def test_a_hard_link_to_itself_is_refused(self, open_layers: Open) -> None:
        with pytest.raises(ImageError, match=r":b: hard link to itself$"):
            open_layers([("b", b""), ("b", hard_link("b"))])


class TestHostileNames:
    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("/etc/passwd", "an absolute name"),
            ("../etc/passwd", r"a name with \.\."),
            ("a/../../b", r"a name with \.\."),
            ("a/..", r"a name with \.\."),
            ("x" * 256, "a name of more than"),
            ("/".join(["d"] * 300), "a name of more than"),
            ("/".join(["d" * 200] * 30), "a name of more than"),
            (".wh.", ": a whiteout of no name$"),
            (".wh..", ": a whiteout of no name$"),
            (".wh...", ": a whiteout of no name$"),
            (".wh.a/b", ": a name below a whiteout$"),
        ],
    )
    def test_a_name_that_does_not_belong_into_a_layer_is_refused(
        self, open_layers: Open, name: str, message: str
    ) -> None:
        with pytest.raises(ImageError, match=message) as caught:
            open_layers([(name, b"")])
        assert "blobs/sha256/" in str(caught.value)
        assert str(caught.value).isprintable()

    def test_a_refused_image_leaves_nothing_open(self, open_layers: Open) -> None:
        before = len(list(DESCRIPTORS.iterdir()))
        with pytest.raises(ImageError):
            open_layers({"../etc/passwd": b""})
        assert len(list(DESCRIPTORS.iterdir())) == before

    def test_a_link_cannot_make_a_directory_with_the_name_of_a_whiteout(self, open_layers: Open) -> None:
        with pytest.raises(ImageError, match=r"l/a: /\.wh\.x has the name of a whiteout"):
            open_layers({"l": symlink(".wh.x"), "l/a": b""})

    def test_a_file_below_a_file_is_refused(self, open_layers: Open) -> None:
        with pytest.raises(ImageError, match="a/b: a is no directory"):
            open_layers({"a": b"", "a/b": b""})

    @pytest.mark.parametrize("target", ["", "t" * 4097])
    def test_a_link_that_no_system_could_hold_is_refused(self, open_layers: Open, target: str) -> None:
        assert entry_at(open_layers({"l": symlink("t" * 4096)}), "/l", follow=False).link_target == "t" * 4096
        with pytest.raises(ImageError, match=r":l: a symbolic link without a target, or with one that is too long$"):
            open_layers({"l": symlink(target)})

    def test_a_root_that_is_no_directory_is_refused(self, open_layers: Open) -> None:
        with pytest.raises(ImageError, match="the root is no directory"):
            open_layers({"./": symlink("/etc")})

    def test_a_name_is_shown_without_its_control_characters(self, open_layers: Open) -> None:
        with pytest.raises(ImageError) as caught:
            open_layers({"../\n\x1b[2J": b""})
        assert str(caught.value).isprintable()
        assert "\\x1b[2J" in str(caught.value)

    def test_names_of_any_bytes_can_be_asked_for(self, open_layers: Open) -> None:
        fs = open_layers({"caf\udce9": b"latin", "new\nline": b"2", "back\\slash": b"3", " ": b"4", "-": b"5"})
        assert [fs.read_bytes(f"/{name}") for name in ("caf\udce9", "new\nline", "back\\slash", " ", "-")] == [
            b"latin", b"2", b"3", b"4", b"5",
        ]  # fmt: skip

    def test_devices_are_listed_and_never_opened(self, open_layers: Open) -> None:
        fs = open_layers(
            {
                "zero": Node(kind=tarfile.CHRTYPE, device=(1, 5), mode=0o666),
                "disk": Node(kind=tarfile.BLKTYPE, device=(8, 0)),
                "pipe": Node(kind=tarfile.FIFOTYPE),
            }
        )
        found = {entry.path: (entry.type, entry.device) for entry in fs.children("/")}
        assert found == {
            "/zero": (EntryType.CHARACTER_DEVICE, (1, 5)),
            "/disk": (EntryType.BLOCK_DEVICE, (8, 0)),
            "/pipe": (EntryType.FIFO, None),
        }
        for path in found:
            with pytest.raises(ImageError, match="is no regular file"):
                fs.read_bytes(path)

    def test_more_entries_than_the_limit_are_refused(self, open_layers: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("image_harness.image.budget.ENTRIES", 20)
        assert len(paths(open_layers({f"f{number}": b"" for number in range(20)}))) == 21
        with pytest.raises(ImageError, match="has more than 20 entries"):
            open_layers({f"f{number}": b"" for number in range(11)}, {f"g{number}": b"" for number in range(10)})

    def test_directories_that_paths_imply_count_as_entries(
        self, open_layers: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("image_harness.image.budget.ENTRIES", 20)
        with pytest.raises(ImageError, match="has more than 20 entries"):
            open_layers({"/".join("abcdefghijklmnopqrstuvw"): b""})

    def test_short_names_below_links_to_long_paths_are_bounded(
        self, open_layers: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = "/".join(["d" * 200] * 15)
        entries = {deep: directory(), "l": symlink(deep)}
        with pytest.raises(ImageError, match=r"leads to a path of more than 4096 characters"):
            open_layers({**entries, f"{deep}/m": symlink("/".join(["e" * 200] * 10)), "l/m/x": b""})
        monkeypatch.setattr("image_harness.image.budget.METADATA_BYTES", 80_000)
        with pytest.raises(ImageError, match="more than 80000 bytes of names and headers"):
            open_layers({**entries, **{f"l/{number}": b"" for number in range(20)}})

    def test_names_over_the_limit_in_sum_are_refused(self, open_layers: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("image_harness.image.budget.METADATA_BYTES", 2000)
        with pytest.raises(ImageError, match="more than 2000 bytes of names and headers"):
            open_layers({f"{number}{'n' * 200}": b"" for number in range(11)})
