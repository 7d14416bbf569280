from __future__ import annotations

import json
from dataclasses import replace

from markdown_it import MarkdownIt

from image_harness.diff.document import render_json
from image_harness.diff.model import Change, FileChange, ImageDiff, Kind, LayerChanges, Side
from image_harness.diff.text import render_text
from tests.report.generate import digest

OLD = Side("oci:old", digest("old"), digest("old config"), 110_000_000, 15)
NEW = Side("oci:new", None, digest("new config"), 109_400_000, 16)
FILES = (
    FileChange("/app/main.py", Kind.CHANGED, ("size 10 -> 12",), 2),
    FileChange("/app/new.py", Kind.ADDED, ("file", "0644", "65532:65532"), 2_000_000),
)
WHOLE = ImageDiff(
    OLD,
    NEW,
    shared_layers=7,
    debian=(Change("libc6", "2.36-9+deb12u13", "2.36-9+deb12u14"), Change("tzdata", None, "2026f")),
    python=(Change("six", "1.16.0", None),),
    labels=(Change("maintainer", "a", "b"),),
    config=(Change("user", None, "65532:65532"),),
    layers=(
        LayerChanges("COPY . /app", removed=False, files=FILES),
        LayerChanges("RUN rm", removed=True, files=(FileChange("/tmp/x", Kind.REMOVED, ("file", "0600", "0:0"), -5),)),
    ),
    requirements=(Change("labels.title", "not-met", "met"),),
)


def test_it_reads_like_a_release_note() -> None:
    assert (
        render_text(WHOLE, files=None)
        == f"""\
# `oci:old` -> `oci:new`

- old: {digest("old")}
- new: {digest("new config")}
- size: 110.0 MB -> 109.4 MB (-0.6 MB)
- layers: 15 -> 16, 7 the same

## Debian packages (1 added, 1 changed)

- `~ libc6: 2.36-9+deb12u13 -> 2.36-9+deb12u14`
- `+ tzdata: 2026f`

## Python packages (1 removed)

- `- six: 1.16.0`

## Labels (1 changed)

- `~ maintainer: a -> b`

## Configuration (1 added)

- `+ user: 65532:65532`

## Files (1 added, 1 removed, 1 changed; +2.0 MB)

### `COPY . /app` (+2.0 MB)

- `~ /app/main.py: size 10 -> 12`
- `+ /app/new.py: file, 0644, 65532:65532, 2.0 MB`

### Gone with `RUN rm` (-5 bytes)

- `- /tmp/x: file, 0600, 0:0, 5 bytes`

## Requirements (1 changed)

- `~ labels.title: not-met -> met`
"""
    )


def test_files_can_be_cut_short_and_say_so() -> None:
    text = render_text(WHOLE, files=1)

    assert "/app/new.py" not in text
    assert "- and 1 more (--all names them)" in text


def test_nothing_is_said_to_be_nothing() -> None:
    text = render_text(ImageDiff(OLD, OLD, shared_layers=15), files=None)

    assert "No difference in packages, labels, configuration and files." in text
    assert "Requirements are not compared: name the reports of both images with --reports." in text
    assert "Requirements" not in render_text(ImageDiff(OLD, OLD, 15, requirements=()), files=None)


def test_an_images_words_cannot_move_the_cursor() -> None:
    hostile = ImageDiff(
        OLD,
        NEW,
        shared_layers=0,
        labels=(Change("a\x1b[2J", "x\nb", "\x1b]0;t\x07"),),
        layers=(LayerChanges("\x1b[31m", removed=False, files=(replace(FILES[0], path="/a\x1b\udcff"),)),),
    )

    text = render_text(hostile, files=None)
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert text.encode()


def test_a_letter_that_nobody_sees_is_written_as_a_string_has_it() -> None:
    hidden = LayerChanges("RUN x", removed=False, files=(replace(FILES[0], path="/a\u200bb"),))

    assert r"`~ /a\u200bb: size 10 -> 12`" in render_text(replace(WHOLE, layers=(hidden,)), files=None)


def test_a_long_value_is_cut() -> None:
    text = render_text(replace(WHOLE, labels=(Change("a", "x" * 500, "y" * 500),)), files=None)

    assert max(map(len, text.splitlines())) < 260


def test_json_says_everything() -> None:
    document = json.loads(render_json(WHOLE))

    assert document["schema"] == 1
    assert document["same"] is False
    assert document["new"]["manifest_digest"] is None
    assert document["debian"][1] == {"name": "tzdata", "kind": "added", "old": None, "new": "2026f"}
    assert document["layers"][0]["files"][0]["path"] == "/app/main.py"
    assert document["requirements"] == [{"name": "labels.title", "kind": "changed", "old": "not-met", "new": "met"}]
    assert json.loads(render_json(ImageDiff(OLD, OLD, 15)))["requirements"] is None


def test_json_carries_names_that_are_no_utf8() -> None:
    diff = replace(WHOLE, layers=(LayerChanges("", removed=False, files=(replace(FILES[0], path="/\udcff"),)),))

    assert render_json(diff).encode()


def test_what_an_image_says_of_itself_is_no_markdown_and_signs_stay() -> None:
    said = "[click](http://a.example) <img src=x> `b` **c**"
    hostile = replace(WHOLE, labels=(Change("__init__", None, said), Change("gone", "x", None)), layers=())

    html = MarkdownIt().render(render_text(hostile, files=None))

    assert "<code>+ __init__: [click](http://a.example) &lt;img src=x&gt; `b` **c**</code>" in html
    assert "<code>- gone: x</code>" in html
    assert "<a " not in html
