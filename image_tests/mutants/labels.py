"""Mutants of labels."""
from __future__ import annotations
from collections.abc import Iterator
from image_harness.mutants import Draft, Good, Mutant
def mutants(good: Good) -> Iterator[Mutant]:
    for item in good.design.collection("image.labels"):
        def change(draft: Draft, key: str = item.key) -> None:
            del draft.labels[key]
        yield Mutant(f"label.{item.slug}.absent", f"the label {item.key} is missing", frozenset({f"labels.{item.slug}"}), change)
