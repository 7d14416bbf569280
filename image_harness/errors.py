"""What a user is told when something of theirs is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class HarnessError(Exception):
    """A problem that the user can act on, told in one line: what, where, what to do.

    Args:
        what: What is wrong, as a short clause.
        where: The file, reference, option or URL concerned.
        fix: What the user can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what = " ".join(what.split())
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{line}; {self.fix}" if self.fix else line
        # Of what it names, much was chosen by others: an image, a registry, a file. It must not steer a terminal.
        return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def first_problem(error: ValidationError) -> str:
    """Say in one line what is wrong with a document: where in it, and what."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    what = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what
