"""Is the image in the engine what a build would make now?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor_build.bases import BasesChoice
from monitor_build.record import Earlier, Inputs

_SHOWN = 3
"""Changed files that are named; more than these are counted."""


def why_stale(
    earlier: Earlier | None, now: Inputs, *, reference: str, bases: BasesChoice, image_id: Callable[[], str | None]
) -> str | None:
    """Why the image has to be built, None when it is up to date.

    Registries are not asked: whether they hold something newer under the bases' names is for a build to find out.

    Args:
        earlier: What is on record.
        now: What a build would be made from.
        reference: The name that the image is to have.
        bases: Which bases it is to stand on.
        image_id: Asks the engine for the ID of the image of that name; asked last, since it takes longest.
    """
    if earlier is None:
        return "no build is on record"
    if earlier.reference != reference:
        return f"the last build was of {earlier.reference}"
    if bases is not BasesChoice.AUTO and earlier.bases != bases.value:
        return f"the last build stands on {earlier.bases} bases"
    changed = _differences(earlier.files, now.files)
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return f"changed: {', '.join(changed[:_SHOWN])}{more}"
    if arguments := _differences(earlier.arguments, now.arguments):
        return "changed: " + ", ".join(f"{name} is now {now.arguments.get(name)}" for name in arguments)
    if earlier.sha256 != now.sha256:
        return "the record does not hold together"
    there = image_id()
    if there is None:
        return f"the engine has no image {reference}"
    if there != earlier.engine_id:
        return f"{reference} in the engine is not the one on record"
    return None


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
