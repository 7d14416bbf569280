"""An image put together in memory is the one that a reader finds in the layout on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_harness.image import EntryType, Image, ImageReference, open_image
from image_harness.mutants import Draft, Good, Node, disk, memory
from image_harness.mutants.changes import (
    Change,
    add,
    attributes,
    content,
    document,
    label,
    layer,
    link,
    remove,
    run,
    together,
)

CHANGES = {
    "nothing": together(),
    "label": label("key", "other"),
    "user": run("User", None),
    "platform": document("architecture", "amd64"),
    "content": content("/app/main.py", "print(1)\n"),
    "owner": attributes("/app/main.py", uid=0, mode=0o4755),
    "capability": attributes("/app/main.py", xattrs={"security.capability": b"\x01\0\0\x02\xff"}),
    "removed": remove("/app"),
    "removed from two layers": remove("/etc/both"),
    "link": link("/bin", "nowhere"),
    "device": add("/dev/null", type=EntryType.CHARACTER_DEVICE, device=(1, 3)),
    "another layer": layer(("etc/passwd", Node(b"other\n")), ("app/.wh.main.py", Node())),
    "file for a folder": together(remove("/app"), add("/app", "x")),
}


def facts(image: Image) -> dict[str, object]:
    """What checks can see of an image, digests and sizes apart."""
    filesystem = image.filesystem
    return {
        "entries": list(filesystem.walk()),
        "contents": {entry.path: filesystem.read_bytes(entry) for entry in filesystem.walk() if entry.is_file},
        "deleted": [(found.entry.path, found.deleted_by) for found in filesystem.deleted],
        "overwritten": sorted((found.entry.path, found.overwritten_by) for found in filesystem.overwritten),
        "config": {**image.config.raw, "rootfs": None},
        "layers": [layer.created_by for layer in image.layers],
        "platform": image.platform,
        "manifest": image.manifest is not None,
    }


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_both_show_the_same(good: Good, tmp_path: Path, change: Change) -> None:
    draft = Draft(good)
    change(draft)
    reference = ImageReference.parse(disk.write(draft, tmp_path / "written", "mutant:test"))

    with open_image(reference) as read, memory.build(draft) as built:
        assert facts(built) == facts(read)


def test_what_is_in_a_changed_layer_keeps_its_time(good: Good, tmp_path: Path) -> None:
    """What was compiled from a source bears the source's."""
    draft = Draft(good)
    content("/app/main.py", "print(1)\n")(draft)
    reference = ImageReference.parse(disk.write(draft, tmp_path / "written", "mutant:test"))

    with open_image(reference) as read, memory.build(draft) as built:
        before, *after = (
            {entry.path: entry.mtime for entry in image.filesystem.walk("/app")} for image in (good.image, read, built)
        )
    assert set(before) == {"/app", "/app/main.py"}
    assert after == [before, before]


def test_what_was_removed_does_not_come_to_light_from_below(good: Good) -> None:
    draft = Draft(good)
    remove("/etc/both")(draft)

    with memory.build(draft) as built:
        assert not built.filesystem.exists("/etc/both")


def test_a_manifest_calls_its_configuration_what_the_draft_says(good: Good, tmp_path: Path) -> None:
    docker = "application/vnd.docker.container.image.v1+json"
    draft = Draft(good)
    draft.config_media_type = docker
    reference = disk.write(draft, tmp_path / "written", "mutant:test")

    with open_image(ImageReference.parse(reference)) as read, memory.build(draft) as built:
        assert read.manifest is not None
        assert built.manifest is not None
        assert (read.manifest.config.media_type, built.manifest.config.media_type) == (docker, docker)
        assert facts(built) == facts(read)


def test_an_unchanged_content_is_looked_at_once(good: Good) -> None:
    draft = Draft(good)
    add("/new", "x")(draft)
    entry = good.image.filesystem.entry("/etc/passwd")
    assert entry is not None

    with memory.build(draft) as built:
        assert good.image.filesystem.digest(entry, "md5") == built.filesystem.digest(entry, "md5")
        assert built.filesystem.derived is good.image.filesystem.derived


def test_a_changed_content_has_another_digest(good: Good) -> None:
    draft = Draft(good)
    content("/etc/passwd", "toor\n")(draft)

    with memory.build(draft) as built:
        before, after = good.image.filesystem.entry("/etc/passwd"), built.filesystem.entry("/etc/passwd")
        assert before is not None
        assert after is not None
        assert good.image.filesystem.digest(before, "md5") != built.filesystem.digest(after, "md5")
