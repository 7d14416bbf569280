"""The mark by which a check names the requirements that it decides."""

from __future__ import annotations

import pytest

MARK_NAME = "requirement"


def requirement(*ids: str, for_each: str | None = None, together: bool = False) -> pytest.MarkDecorator:
    """Say which requirements of the design a check decides.

    Args:
        ids: Requirement ids as the design's catalogue has them. With ``for_each`` an id may hold ``{key}``.
        for_each: The name of a collection of the design, such as ``image.labels``. The check then runs once per
            item; its argument ``item`` is the item, and ``{key}`` in the ids is the item's slug.
        together: Let pytest see one test for the whole collection. Each item is still decided on its own; what pytest
            spends on a test is spent once. For collections of thousands.

    Returns:
        A mark that the plugin reads; an id that the design does not know fails the collection.
    """
    return pytest.mark.requirement(*ids, for_each=for_each, together=together)
