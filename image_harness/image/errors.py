"""What is said of an image that cannot be read."""

from __future__ import annotations

from image_harness.errors import HarnessError

_LONGEST_NAME = 240
_LONGEST_MESSAGE = 1000


class ImageError(HarnessError):
    """An image, or a file inside it, that is not what it must be: one line that names the file and what is wrong.

    Args:
        what: What is wrong, as a short clause.
        where: The file.
        fix: What the user can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(
            printable(" ".join(what.split()), _LONGEST_MESSAGE),
            where=None if where is None else printable(where, _LONGEST_MESSAGE),
            fix=None if fix is None else printable(fix, _LONGEST_MESSAGE),
        )


def printable(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return text from an image in a form that is safe to print on one line.

    Control characters, line ends and bytes that are not UTF-8 are escaped, and what is very long is cut in its middle:
    whoever made the image has chosen what it says.
    """
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
