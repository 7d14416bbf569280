"""Reads a Dockerfile by the rules of the Dockerfile reference.

The Python packages that read Dockerfiles either bind BuildKit's parser (and need a Go toolchain) or give a flat list
without flags, here-documents and stages; the line rules are few, so they are written out here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image_harness.dockerfile.model import BuildArgument, Dockerfile, Instruction, Stage
from image_harness.dockerfile.words import BLANKS, assignments, require_assignments
from image_harness.errors import HarnessError

_SETTINGS = ("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL")
_KEYWORDS = frozenset({*_SETTINGS, "ADD", "COPY", "FROM", "ONBUILD", "RUN", "USER", "VOLUME", "WORKDIR"})
_WITH_DOCUMENTS = frozenset({"ADD", "COPY", "RUN"})
_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(.+?)\s*", re.IGNORECASE)
_ESCAPES = ("\\", "`")
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)")
_HERE = re.compile(r"(?<!\S)[0-9]*<<(-?)([\"']?)([^\s<\"']+)\2(?!\S)")
_JSON_FORMS = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME"})


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    documents: tuple[str, ...] = ()


def parse_dockerfile(path: Path) -> Dockerfile:
    """Read a Dockerfile.

    Raises:
        HarnessError: It cannot be read or breaks a rule; names file and line.
    """
    try:
        # Not read_text(): what Python takes for the end of a line is none to BuildKit, and may hide an instruction.
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise HarnessError(f"cannot be read: {reason}", where=str(path), fix="name a Dockerfile") from None
    return parse_text(text, path)


def parse_text(text: str, path: Path = Path("Dockerfile")) -> Dockerfile:
    """Read a Dockerfile's text; ``path`` is for messages.

    Raises:
        HarnessError: It breaks a rule; names file and line.
    """
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    directives = _directives(lines)
    escape = directives.get("escape", _ESCAPES[0])
    if escape not in _ESCAPES:
        line = list(directives).index("escape") + 1  # directives fill the first lines, one each
        raise HarnessError(f"the escape character is {escape[:40]!r}", where=f"{path}:{line}", fix="take \\ or `")
    instructions = [_instruction(line, path) for line in _logical_lines(lines, escape, path)]
    first = next((i for i, instruction in enumerate(instructions) if instruction.keyword == "FROM"), None)
    if first is None:
        raise HarnessError("there is no FROM", where=str(path), fix="name a Dockerfile")
    stray = next((instruction for instruction in instructions[:first] if instruction.keyword != "ARG"), None)
    if stray is not None:
        raise HarnessError(
            f"{stray.keyword} before the first FROM", where=f"{path}:{stray.line}", fix="only ARG may stand there"
        )
    arguments = tuple(argument for instruction in instructions[:first] for argument in build_arguments(instruction))
    return Dockerfile(path, directives, arguments, tuple(_stages(instructions[first:], path)))


def build_arguments(instruction: Instruction) -> tuple[BuildArgument, ...]:
    """Return what an ARG declares."""
    return tuple(BuildArgument(name, value, instruction.line) for name, value in assignments(instruction.text))


def _directives(lines: list[str]) -> dict[str, str]:
    """Directives stand before everything else; the first other line ends them.

    After a shebang there may be a syntax directive and no other: BuildKit leaves that line out when it looks for the
    frontend, and not when the frontend reads the file.
    """
    if lines[0].startswith("#!"):
        return {name: value for name, value in _directives(lines[1:] or [""]).items() if name == "syntax"}
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
    return found


def _logical_lines(lines: list[str], escape: str, path: Path) -> Iterator[_Line]:
    """Join continuation lines; comment lines and, inside an instruction, empty lines fall out.

    An escape character that another one stands before continues nothing.
    """
    continuation = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    pending = ""
    start = 0
    rows = iter(enumerate(lines, 1))
    for number, line in rows:
        stripped = line.strip()
        if stripped.startswith("#") or not stripped:
            continue
        start = start or number
        joined = continuation.sub("", line)
        pending += joined
        if joined != line:
            continue
        yield _Line(start, pending.strip(), tuple(_documents(pending, rows, f"{path}:{start}")))
        pending, start = "", 0
    if pending.strip():
        yield _Line(start, pending.strip())


def _documents(text: str, rows: Iterator[tuple[int, str]], where: str) -> Iterator[str]:
    """Take the here-documents that an instruction announces off the lines that follow it."""
    words = text.upper().split(maxsplit=2)
    if not _WITH_DOCUMENTS.intersection(words[:2] if words[:1] == ["ONBUILD"] else words[:1]):
        return
    for match in _HERE.finditer(text):
        tabs, _, end = match.groups()
        content: list[str] = []
        for _, line in rows:
            bare = line.lstrip("\t") if tabs else line
            if bare == end:
                break
            content.append(bare)
        else:
            raise HarnessError(
                f"the here-document {end[:40]!r} does not end", where=where, fix=f"close it with {end[:40]!r} on a line"
            )
        yield "\n".join(content)


def _instruction(line: _Line, path: Path) -> Instruction:
    keyword, rest = (*BLANKS.split(line.text, maxsplit=1), "")[:2]
    keyword = keyword.upper()
    if keyword not in _KEYWORDS:
        raise HarnessError(
            f"unknown instruction {keyword[:40]!r}", where=f"{path}:{line.number}", fix="correct the Dockerfile"
        )
    flags: list[tuple[str, str]] = []
    rest = rest.strip()
    while match := _FLAG.match(rest):
        flags.append((match[1], match[2] or ""))
        rest = rest[match.end() :]
    where = f"{path}:{line.number}"
    if keyword in ("ENV", "LABEL"):
        require_assignments(rest, where)
    return Instruction(keyword, tuple(flags), rest, line.number, _exec_form(keyword, rest, where), line.documents)


def _exec_form(keyword: str, text: str, where: str) -> tuple[str, ...] | None:
    """Return the words of the JSON form; text that is no JSON list is the shell form."""
    if keyword == "HEALTHCHECK":
        text = re.sub(r"^CMD\s+", "", text, flags=re.IGNORECASE)
    if not text.startswith("["):
        return None
    try:
        # BuildKit takes what follows the list for nothing.
        words, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if keyword not in _JSON_FORMS:
        return None
    if not all(isinstance(word, str) for word in words):
        raise HarnessError("a JSON list may hold texts only", where=where, fix="put each word in double quotes")
    return tuple(words)


def _stages(instructions: list[Instruction], path: Path) -> Iterator[Stage]:
    begins = [i for i, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    for begin, end in zip(begins, [*begins[1:], len(instructions)], strict=True):
        head = instructions[begin]
        words = head.text.split()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
            raise HarnessError(
                "FROM takes an image and perhaps AS and a name", where=f"{path}:{head.line}", fix="correct the line"
            )
        name = words[2] if len(words) == 3 else None
        yield Stage(words[0], name, head.flag("platform"), tuple(instructions[begin + 1 : end]), head.line)
