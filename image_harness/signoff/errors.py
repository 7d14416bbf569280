"""Why something that claims to be a sign-off is not one."""

from __future__ import annotations

from pydantic import ValidationError

from image_harness.errors import HarnessError


class NotVerifiedError(HarnessError):
    """A signature, a statement or what a registry gave does not prove what it should."""


def first_problem(error: ValidationError) -> str:
    """Say in one line what is wrong with a document: where in it, and what."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    what = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what
