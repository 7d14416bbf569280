"""What a RUN runs: the commands of its shell form, of its JSON form and of its here-documents."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from image_harness.dockerfile.model import Instruction
from image_harness.errors import HarnessError

# Many checks look at the same few instructions.
_KEPT = 1024
# shlex would do but for three things: it takes a quoted operator for one, knows no comment that begins with a word, and
# does not tell a redirection from a word.
_TOKEN = re.compile(
    r"""
    (?P<blank>(?:[ \t\r]|\\\n)+)
    |(?P<comment>\#[^\n]*)
    |(?P<operator>&&|\|\||;;|[;&|()\n])
    |(?P<redirection>[0-9]*(?:<<<|<<-?|>>|>\||[<>]&|<>|[<>]))
    |(?P<word>(?:'[^']*'|"(?:\\.|[^"\\])*"|`[^`]*`|\$\([^()]*\)|\$\{[^}]*\}|\\.|[^ \t\r\n;&|()<>'"`\\])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|(`[^`]*`|\$\([^()]*\)|\$\{[^}]*\})|\\(.)""", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\$`\n])")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_KEYWORDS: Final = frozenset({"!", "{", "if", "then", "elif", "else", "while", "until", "do", "time"})
_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "eval"})
# After one of these, what follows need not run, nor its failure count.
_DIVERTING: Final = frozenset({"exit", "exec", "return", "trap", "set", "eval", "alias", ".", "source"})
# But for options that make the shell stop sooner, or say more.
_STRICTER = re.compile(r"set( -[eux]+| -[eux]*o (errexit|nounset|pipefail|xtrace))+")
_ERREXIT = re.compile(r" -[ux]*e| -[ux]*o errexit")
_TRANSPARENT: Final = frozenset({"command", "builtin"})
# With one of these, more than the operators around a command says whether it runs.
_COMPOUND: Final = (_KEYWORDS - {"!", "time"}) | {"}", "fi", "for", "done", "case", "esac", "select", "function", "[["}
_LIST_ENDS: Final = frozenset({"", ";", "\n"})


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command.

    Attributes:
        words: Its words, quotes taken off; what is substituted stays as written.
        redirections: Operator and target of each, in order.
        before: The shell's operator before it, "" at the begin.
        after: The shell's operator after it, "" at the end.
        decides: Whether it always runs, and its failure fails the RUN.
    """

    words: tuple[str, ...]
    redirections: tuple[tuple[str, str], ...] = ()
    before: str = ""
    after: str = ""
    decides: bool = False

    @property
    def plain(self) -> tuple[str, ...]:
        """Its words without the keywords and assignments before its program."""
        begin = 0
        while begin < len(self.words) and (self.words[begin] in _KEYWORDS or _ASSIGNMENT.fullmatch(self.words[begin])):
            begin += 1
        return self.words[begin:]

    def call(self, programs: re.Pattern[str]) -> tuple[str, ...]:
        """Return the words from the first program of a kind on, behind whatever runs it; none where it is printed."""
        if self.plain[:1] in (("echo",), ("printf",)) and self.after != "|":
            return ()
        names = (_name(word.removeprefix("-m")) for word in self.words)
        at = next((i for i, name in enumerate(names) if programs.fullmatch(name)), len(self.words))
        return self.words[at:]


def run_commands(run: Instruction) -> tuple[Command, ...]:
    """Return every command of a RUN, those that it hands to another shell and its here-documents' included.

    Raises:
        HarnessError: A quote does not end.
    """
    if run.exec_form is not None:
        own: tuple[Command, ...] = (Command(run.exec_form, decides=True),) if run.exec_form else ()
    else:
        own = commands(run.text)
    documents = [command for text in run.documents for command in _loosely(text)]
    return tuple(found for command in (*own, *documents) for found in _with_inner(command))


@functools.lru_cache(_KEPT)
def commands(text: str) -> tuple[Command, ...]:
    """Split the text of a shell at its operators into commands.

    Raises:
        HarnessError: A quote does not end.
    """
    found = tuple(command for command in _split(text) if command.words)
    return tuple(replace(command, decides=decides) for command, decides in zip(found, _deciding(found), strict=True))


def _deciding(found: tuple[Command, ...]) -> list[bool]:
    """Say of each command whether it ran, and did not fail, in all cases in which the whole did not fail.

    That is so in the last AND list, and of single commands after ``set -e`` (POSIX.1-2024, XCU 2.9.3 and 2.15).
    """
    verdicts = [False] * len(found)
    if any(command.after not in _LIST_ENDS | {"&&"} or _is_compound(command) for command in found):
        return verdicts
    gives_up = False
    for chain in _and_lists(found):
        options = list(itertools.takewhile(lambda i: _is_stricter(found[i]), chain))
        gives_up |= any(_ERREXIT.search(" ".join(found[i].words)) for i in options)
        rest = chain[len(options) :]
        sure = chain[-1] == len(found) - 1 or (gives_up and len(rest) == 1)
        for i in rest:
            verdicts[i] = sure and found[i].words[0] != "!"
            if _diverts(found[i]):
                return verdicts
    return verdicts


def _and_lists(found: tuple[Command, ...]) -> Iterator[range]:
    begin = 0
    for end in range(1, len(found) + 1):
        # An operator may end a line: the command after it begins with the line's end.
        if end == len(found) or "&&" not in (found[end - 1].after, found[end].before):
            yield range(begin, end)
            begin = end


def _is_compound(command: Command) -> bool:
    begin = len(command.words) - len(command.plain)
    return not _COMPOUND.isdisjoint(command.words[: begin + 1])


def _is_stricter(command: Command) -> bool:
    return _STRICTER.fullmatch(" ".join(command.words)) is not None


def _diverts(command: Command) -> bool:
    begin = next((word for word in command.plain if word not in _TRANSPARENT), "")
    return _name(begin) in _DIVERTING and not _is_stricter(command)


def _split(text: str) -> Iterator[Command]:
    words: list[str] = []
    redirections: list[tuple[str, str]] = []
    before, redirection = "", None
    for kind, token in _tokens(text):
        if kind == "operator":
            yield Command(tuple(words), tuple(redirections), before, token)
            words, redirections, before, redirection = [], [], token, None
        elif kind == "redirection":
            redirection = token
        elif redirection is not None:
            redirections.append((redirection, _unquoted(token)))
            redirection = None
        else:
            words.append(_unquoted(token))
    yield Command(tuple(words), tuple(redirections), before)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "no escaped character" if text[at] == "\\" else "no closing quotation"
            raise HarnessError(
                f"cannot be split into commands: {what}",
                where=f"RUN {text[:80]!r}",
                fix="close the quote, or escape it",
            )
        at = match.end()
        if match.lastgroup in ("operator", "redirection", "word"):
            yield match.lastgroup, match[0]


def _unquoted(token: str) -> str:
    def piece(match: re.Match[str]) -> str:
        single, double, substituted, escaped = match.groups()
        if double is not None:
            return _ESCAPED.sub(lambda found: found[1].strip("\n"), double)
        return single or substituted or (escaped or "").strip("\n")

    return _QUOTED.sub(piece, token)


def _with_inner(command: Command) -> Iterator[Command]:
    yield command
    shell = any(_name(word) in _SHELLS for word in command.words)
    for word in command.words:
        inner = [dollar or back for dollar, back in _SUBSTITUTION.findall(word)]
        for text in (*inner, *([word] if shell and re.search(r"\s", word) else [])):
            for found in _loosely(text):
                yield from _with_inner(found)


def _loosely(text: str) -> Iterator[Command]:
    """A document, or a word, need not be the shell's language: what cannot be split counts as one command."""
    try:
        found = commands(text)
    except HarnessError:
        found = (Command(tuple(text.split())),)
    return (replace(command, decides=False) for command in found)


def _name(word: str) -> str:
    return word.rpartition("/")[2]
