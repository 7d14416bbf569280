"""The marks by which a check names the requirements that it decides, and what it asks of the image's interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from image_harness.design import Design

MARK_NAME = "requirement"
ASKS = "asks"


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


def asks(code: str, arguments: Callable[[Design], Sequence[str]] | None = None) -> pytest.MarkDecorator:
    """Say what a check wants to know from the image's own interpreter; the fixture ``told`` is the reply.

    What all selected checks ask is run in one container, each program in a process of its own.

    Args:
        code: A program that prints a JSON object last.
        arguments: Gives what the program finds in ``sys.argv[1:]``, from the design.

    Returns:
        A mark that the plugin reads.
    """
    return pytest.mark.asks(code, arguments)
