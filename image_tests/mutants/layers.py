"""Markers, and the layers as such."""

from __future__ import annotations

from collections.abc import Iterator

from image_harness.mutants import Good, Mutant, Node, mutant
from image_harness.mutants.changes import (
    add,
    attributes,
    content,
    layer,
    link,
    remove,
    together,
)


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _markers(good)
    yield from _layers(good)


def _markers(good: Good) -> Iterator[Mutant]:
    others = [marker.text for marker in good.design.markers]
    owners = {"packages": "owner.site-packages", "binaries": "owner.scripts"}
    for marker in good.design.markers:
        found = good.image.filesystem.read_text(marker.path)
        id_, name = f"markers.{marker.slug}", f"marker.{marker.slug}"
        wrong = {
            "no-newline": found.rstrip("\n"),
            "two-newlines": f"{found}\n",
            "case": found.lower(),
            "twice": found * 2,
            "empty": "",
            "blanks": " \n",
            "other-marker": found.replace(marker.text, next(text for text in others if text != marker.text)),
            "unresolved": f"{marker.text}_$(date +%s)\n",
            "longer": found.replace("\n", "0\n"),
            "shorter": found.replace(found[-2:], "\n"),
        }
        for miss, text in wrong.items():
            yield mutant(
                f"{name}.content.{miss}", f"{marker.path} holds {text!r}", f"{id_}.content", content(marker.path, text)
            )
        yield mutant(f"{name}.absent", f"no {marker.path}", [f"{id_}.content", f"{id_}.owner"], remove(marker.path))
        own = {"uid": good.design.image.uid, "gid": good.design.image.gid}
        elsewhere = together(link(marker.path, "/opt/marker", **own), add("/opt/marker", found, **own))
        yield mutant(
            f"{name}.link",
            f"{marker.path} leads to another file",
            f"{id_}.content",
            elsewhere,
            follows=["python.nothing-else"] * (marker.slug in owners),
        )
        for miss, (uid, gid) in {
            "root": (0, 0),
            "group": (good.design.image.uid, 0),
            "off-by-one": (65533, 65532),
        }.items():
            yield mutant(
                f"{name}.owner.{miss}",
                f"{marker.path} belongs to {uid}:{gid}",
                f"{id_}.owner",
                attributes(marker.path, uid=uid, gid=gid),
                follows=[owners[marker.slug]] if marker.slug in owners else (),
            )


def _layers(good: Good) -> Iterator[Mutant]:
    kib, mib = 1024, 1024 * 1024
    budgets = good.design.budgets
    left = budgets.image_mib * mib - good.image.size
    yield mutant(
        "size.image",
        "the image is a little over its budget",
        "size.image",
        layer(("opt/large", Node(bytes(left)))),
        real=True,
    )
    over = layer(("opt/large", Node(bytes(budgets.layer_mib * mib))))
    yield mutant("size.layer", "a layer is a little over its budget", "size.layer", over, follows="size.image")
    gone = ("opt/.wh.gone", Node())
    yield mutant(
        "layers.deleted",
        "a layer deletes a file of the one before",
        "layers.nothing-deleted",
        together(layer(("opt/gone", Node(b"x"))), layer(gone)),
        real=True,
    )
    opaque = together(layer(("opt/gone", Node(b"x"))), layer(("opt/.wh..wh..opq", Node())))
    yield mutant("layers.opaque", "a layer hides all that a folder held", "layers.nothing-deleted", opaque, real=True)
    waste = Node(bytes(budgets.wasted_kib * kib + 1))
    yield mutant(
        "layers.waste",
        "a layer replaces a byte more than the budget",
        "layers.waste",
        together(layer(("opt/file", waste)), layer(("opt/file", Node(b"x")))),
        real=True,
    )
    half = Node(bytes(budgets.wasted_kib * kib // 2 + 1))
    two = together(layer(("opt/a", half), ("opt/b", half)), layer(("opt/a", half), ("opt/b", half)))
    yield mutant("layers.waste-in-two", "two replaced files are together over the budget", "layers.waste", two)
