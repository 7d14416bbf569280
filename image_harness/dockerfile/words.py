"""The words of ENV, LABEL and ARG, and what a shell-form RUN runs."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterator

# Many checks look at the same few instructions.
_KEPT = 1024


@functools.lru_cache(_KEPT)
def assignments(text: str) -> tuple[tuple[str, str | None], ...]:
    """Split ``A=1 B="two words" C`` into names and values; a name without ``=`` has None.

    Quotes are taken off and backslashes outside of single quotes resolved, as the Dockerfile reference says; variables
    stay as written.
    """
    return tuple(_pair(word) for word in shlex.split(text))


def _pair(word: str) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    return name, value if equals else None


def environment(text: str) -> tuple[tuple[str, str], ...]:
    """Return what an ENV or LABEL sets, the old form ``ENV NAME value`` included."""
    pairs = assignments(text)
    if pairs and pairs[0][1] is None:
        name, _, value = text.partition(" ")
        return ((name, value.strip()),)
    return tuple((name, value or "") for name, value in pairs)


@functools.lru_cache(_KEPT)
def commands(text: str) -> tuple[tuple[str, ...], ...]:
    """Split a shell-form RUN at the shell's operators into the words of each command, redirections included."""
    return tuple(tuple(words) for words in _split(text) if words)


def _split(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&|;>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word in ("&&", "||", ";", "|", "&"):
            yield words
            words = []
        else:
            words.append(word)
    yield words
