"""What a user is told when a build cannot go on."""

from __future__ import annotations


class BuildError(Exception):
    """A problem that the user can act on, told in one line: where, what, what to do.

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
        return f"{line}; {self.fix}" if self.fix else line
