"""What is said of an image that cannot be read."""

from __future__ import annotations

from image_harness.errors import HarnessError

_LONGEST_SHOWN = 240


class ImageError(HarnessError):
    """An image, or a file inside it, that is not what it must be: one line that names the file and what is wrong."""


def printable(text: str) -> str:
    """Return a name from an image in a form that is safe to print on one line.

    Control characters, line ends and bytes that are not UTF-8 are escaped, and a very long name is cut in its middle:
    a name inside an image is chosen by whoever made the image.
    """
    if len(text) > _LONGEST_SHOWN:
        half = _LONGEST_SHOWN // 2
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
