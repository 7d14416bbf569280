"""Labels of the image: absent, nearly right, in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from image_harness.design import Item
from image_harness.mutants import Good, Mutant, mutant, near_misses
from image_harness.mutants.changes import label, more_environment, together

CREATED = "org.opencontainers.image.created"
FAMILY = "com.lucid."
ONLY = "labels.only-designed-lucid"
TIME = "labels.created-is-a-time"

# Values that are nearly of the form that a label's pattern asks for.
MISSHAPEN: Mapping[str, Mapping[str, str]] = {
    "org.opencontainers.image.version": {
        "empty": "",
        "blanks": "  ",
        "two-parts": "1.0",
        "prefix": "v1.0.0",
        "line-after": "1.0.0\n",
        "unresolved": "${VERSION}",
        "inside": "release 1.0.0",
    },
    "org.opencontainers.image.revision": {
        "empty": "",
        "short": "0123456",
        "off-by-one": "0" * 39,
        "too-long": "0" * 41,
        "upper-case": "A" * 40,
        "no-hex": "g" * 40,
        "unknown": "unknown",
    },
    CREATED: {"blank-for-t": "2026-01-01 00:00:00Z", "twice": "2026-01-01T00:00:00Z2026-01-01T00:00:00Z"},
}
# Values that are of neither the form of a time nor a time.
NO_TIMES = {"empty": "", "unknown": "unknown", "date-only": "2026-01-01", "no-zone": "2026-01-01T00:00:00"}
# Values of the right form that are no time of the past.
WRONG_TIMES = {
    "no-such-day": "2026-02-30T00:00:00Z",
    "no-such-hour": "2026-01-01T25:00:00Z",
    "future": "2999-01-01T00:00:00Z",
}
STRAYS = {"extra": "com.lucid.extra", "case": "com.Lucid.cluster", "bare": "com.lucid"}


def mutants(good: Good) -> Iterator[Mutant]:
    """One label, one defect."""
    for item in good.design.collection("image.labels"):
        yield from _of(item, good.image.config.labels[item.key])
    for miss, value in NO_TIMES.items():
        what = f"the label {CREATED} is {value!r}"
        yield mutant(f"label.{CREATED}.{miss}", what, f"labels.{CREATED}", label(CREATED, value), follows=TIME)
    for miss, value in WRONG_TIMES.items():
        yield mutant(f"label.{CREATED}.{miss}", f"the label {CREATED} is {value!r}", TIME, label(CREATED, value))
    for miss, key in STRAYS.items():
        yield mutant(f"label.stray.{miss}", f"a stray label {key}", ONLY, label(key, "application"))


def _of(item: Item, value: str) -> Iterator[Mutant]:
    key, kills, name = item.key, f"labels.{item.slug}", f"label.{item.slug}"
    gone = [ONLY] * key.startswith(FAMILY) + [TIME] * (key == CREATED)
    away = label(key, None)
    yield mutant(f"{name}.absent", f"no label {key}", kills, away, follows=gone)
    in_capitals = together(away, label(key.upper(), value))
    yield mutant(f"{name}.key-case", f"the label {key} is written in capitals", kills, in_capitals, follows=gone)
    elsewhere = together(away, more_environment(f"{key}={value}"))
    what, follows = f"{key} is a variable instead of a label", [*gone, "env.only-designed"]
    yield mutant(f"{name}.in-environment", what, kills, elsewhere, follows=follows)
    spec = item.value
    misses = near_misses(spec.value) if spec.value is not None else MISSHAPEN.get(key, {}).items()
    for miss, wrong in misses:
        # Python's own reader of times is more generous than the label's form, or not.
        follows = [TIME] * (key == CREATED and miss == "twice")
        yield mutant(f"{name}.{miss}", f"the label {key} is {wrong!r}", kills, label(key, wrong), follows=follows)
