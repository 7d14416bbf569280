"""The words of ENV, LABEL and ARG."""

from __future__ import annotations

import functools
import re
import shlex
from typing import Final

from image_harness.errors import HarnessError

# Many checks look at the same few instructions.
_KEPT = 1024
#: What stands between a keyword, a name of the old form, and the rest.
BLANKS: Final = re.compile(r"[\t\v\f\r ]+")
#: What stands between words: Unicode's white space, as Go's unicode.IsSpace has it.
_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@functools.lru_cache(_KEPT)
def assignments(text: str) -> tuple[tuple[str, str | None], ...]:
    """Split ``A=1 B="two words" C`` into names and values; a name without ``=`` has None.

    Quotes are taken off and backslashes outside of single quotes resolved, as the Dockerfile reference says; variables
    stay as written, and so does everything where a quote does not end.
    """
    try:
        words = _words(text)
    except ValueError:
        words = text.split()
    return tuple(map(_pair, words))


def _words(text: str, blanks: str = _SPACES) -> list[str]:
    """Split a text at blanks outside of quotes, and take the quotes off.

    Raises:
        ValueError: A quote does not end.
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = blanks, "", True
    return list(lexer)


def require_assignments(text: str, where: str) -> None:
    """Make sure that what an ENV or LABEL sets can be read, where BuildKit would refuse it.

    Raises:
        HarnessError: A quote does not end, or a word sets nothing; names ``where``.
    """
    try:
        first, *others = map(_pair, _words(text) or [""])
        environment(text)  # the old form is split otherwise: its name may end within a quote
    except ValueError as error:
        raise HarnessError(str(error).lower(), where=where, fix="close the quote, or escape it") from None
    stray = next((name for name, value in others if value is None), None)
    if first[1] is not None and stray is not None:
        raise HarnessError(f"{stray[:40]!r} sets nothing", where=where, fix="write NAME=VALUE")


def _pair(word: str) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    return name, value if equals else None


def environment(text: str) -> tuple[tuple[str, str], ...]:
    """Return what an ENV or LABEL sets, the old form ``ENV NAME value`` included.

    Raises:
        ValueError: A quote does not end in the old form; the parser refuses such a line.
    """
    pairs = assignments(text)
    if pairs and pairs[0][1] is None:
        name, value = (*BLANKS.split(text.strip(), maxsplit=1), "")[:2]
        # Blanks are part of the value; only its quotes are taken off.
        return ((name and "".join(_words(name, "")), "".join(_words(value, ""))),)
    return tuple((name, value or "") for name, value in pairs)
