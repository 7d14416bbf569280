"""Answers to what testinfra's file module asks of ``test``, ``stat``, ``cat`` and ``realpath``, without a process."""

from __future__ import annotations

import hashlib
import re
import shlex
import stat
from collections.abc import Callable, Mapping
from datetime import timedelta

from image_harness.engine.toolbox.names import Accounts
from image_harness.engine.toolbox.session import Seen, ToolResult, ToolSession

_TESTS: Mapping[str, Callable[[Seen], bool]] = {
    "-e": lambda _: True,
    "-f": lambda seen: stat.S_ISREG(seen.mode),
    "-d": lambda seen: stat.S_ISDIR(seen.mode),
    "-p": lambda seen: stat.S_ISFIFO(seen.mode),
    "-S": lambda seen: stat.S_ISSOCK(seen.mode),
    "-b": lambda seen: stat.S_ISBLK(seen.mode),
    "-c": lambda seen: stat.S_ISCHR(seen.mode),
    "-L": lambda seen: stat.S_ISLNK(seen.mode),
    "-h": lambda seen: stat.S_ISLNK(seen.mode),
    "-s": lambda seen: seen.size > 0,
}
_CHECKSUM = re.compile(r"(?P<name>md5|sha256)sum (?P<path>\S+|'[^']+') \| cut -d ?' ' -f ?1")
_OF_THE_LINK = ("-L", "-h")
_FORMATS: Mapping[str, Callable[[Seen, Accounts], object]] = {
    "%a": lambda seen, _: f"{stat.S_IMODE(seen.mode):o}",
    "%f": lambda seen, _: f"{seen.mode:x}",
    "%g": lambda seen, _: seen.gid,
    "%G": lambda seen, names: names.group(seen.gid),
    "%h": lambda seen, _: seen.links,
    "%i": lambda seen, _: seen.inode,
    "%s": lambda seen, _: seen.size,
    "%u": lambda seen, _: seen.uid,
    "%U": lambda seen, names: names.user(seen.uid),
    "%Y": lambda seen, _: seen.modified,
}


class FileReports:
    """Answers by a command's words; None for what is to be run instead.

    Args:
        session: The way into the container.
        limit: How long reading a file may take.
    """

    def __init__(self, session: ToolSession, limit: timedelta) -> None:
        self._session = session
        self._limit = limit

    def test(self, words: list[str]) -> ToolResult | None:
        """``test -e PATH`` and its like: no only when the path was looked at.

        What is below /proc/self is there for who is seen in the container, which the helper is not.

        Raises:
            CommandNotRun: The path could not be looked at.
            ContainerLost: The container ended.
        """
        if len(words) != 3 or words[1] not in _TESTS:
            return None
        seen = self._session.look(words[2], follow=words[1] not in _OF_THE_LINK)
        if seen is None and (self._session.followed(words[2]) or "").startswith("/proc/"):
            return None
        return ToolResult(0 if seen is not None and _TESTS[words[1]](seen) else 1, b"", b"")

    def stat(self, words: list[str]) -> ToolResult | None:
        """``stat -c FORMAT PATH``, with or without following links.

        Raises:
            CommandNotRun: The path could not be looked at.
            ContainerLost: The container ended.
        """
        if len(words) != 4 or words[1] not in ("-c", "-Lc") or words[2] not in _FORMATS:
            return None
        seen = self._session.look(words[3], follow="L" in words[1])
        if seen is None:
            return None  # the tool itself says it best
        names = self.accounts() if words[2] in ("%U", "%G") else Accounts({}, {})
        return ToolResult(0, f"{_FORMATS[words[2]](seen, names)}\n".encode(), b"")

    def cat(self, words: list[str]) -> ToolResult | None:
        """``cat [--] PATH``.

        Raises:
            ContainerLost: The container ended.
        """
        if len(words) < 2 or words[1:-1] not in ([], ["--"]) or words[-1].startswith("-"):
            return None
        content = self._session.read(words[-1], limit=self._limit)
        return None if content is None else ToolResult(0, content, b"")

    def realpath(self, words: list[str]) -> ToolResult | None:
        """``realpath PATH`` and ``readlink -f PATH``.

        Raises:
            ContainerLost: The container ended.
        """
        wanted = {"realpath": [], "readlink": ["-f"]}[words[0]]
        if len(words) < 2 or words[1:-1] != wanted or words[-1].startswith("-"):
            return None
        path = self._session.resolve(words[-1])
        return None if path is None else ToolResult(0, f"{path}\n".encode(errors="surrogateescape"), b"")

    def ls(self, words: list[str]) -> ToolResult | None:
        """``ls -1 -q -- PATH`` of a directory: what cannot be printed is a question mark.

        Raises:
            ContainerLost: The container ended.
        """
        if words[1:-1] != ["-1", "-q", "--"]:
            return None
        names = self._session.names(words[-1])
        if names is None:
            return None
        lines = "".join(f"{_printable(name)}\n" for name in sorted(names) if not name.startswith("."))
        return ToolResult(0, lines.encode(), b"")

    def checksum(self, line: str) -> ToolResult | None:
        """The command line by which modules ask for a file's checksum.

        Raises:
            ContainerLost: The container ended.
        """
        match = _CHECKSUM.fullmatch(line)
        words = shlex.split(match["path"]) if match else []
        content = self._session.read(words[0], limit=self._limit) if len(words) == 1 else None
        if match is None or content is None:
            return None
        return ToolResult(0, f"{hashlib.new(match['name'], content).hexdigest()}\n".encode(), b"")

    def accounts(self) -> Accounts:
        """The container's names of users and groups.

        Raises:
            ContainerLost: The container ended.
        """
        files = (self._session.read(path, limit=self._limit) or b"" for path in ("/etc/passwd", "/etc/group"))
        return Accounts.parse(*(file.decode(errors="replace") for file in files))


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)
