"""Users and groups of an image: passwd(5) and group(5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from image_harness.image.errors import ImageError
from image_harness.image.filesystem import FileSystem
from image_harness.image.limits import MIB

PASSWD: Final = "/etc/passwd"
GROUP: Final = "/etc/group"
_DATABASE_BYTES: Final = 4 * MIB


@dataclass(frozen=True, slots=True)
class User:
    """One line of ``/etc/passwd``.

    Attributes:
        name: The login name.
        uid: The user ID.
        gid: The ID of the user's main group.
        comment: The full name, as written.
        home: The home directory.
        shell: The login shell.
    """

    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


@dataclass(frozen=True, slots=True)
class Group:
    """One line of ``/etc/group``.

    Attributes:
        name: The group's name.
        gid: The group ID.
        members: The users who belong to it beside those whose main group it is.
    """

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """All users and groups, in the files' order. A file that is not there holds none.

    Attributes:
        users: Of ``/etc/passwd``.
        groups: Of ``/etc/group``.
    """

    users: tuple[User, ...]
    groups: tuple[Group, ...]

    def user(self, key: str | int) -> User | None:
        """Return the first user of a name or an ID, or None."""
        return next((user for user in self.users if key in (user.name, user.uid)), None)

    def group(self, key: str | int) -> Group | None:
        """Return the first group of a name or an ID, or None."""
        return next((group for group in self.groups if key in (group.name, group.gid)), None)


def accounts(fs: FileSystem) -> Accounts:
    """Read an image's accounts.

    Raises:
        ImageError: A line is malformed.
    """
    users = tuple(
        User(name, _number(uid, PASSWD), _number(gid, PASSWD), comment, home, shell)
        for name, _, uid, gid, comment, home, shell in _lines(fs, PASSWD, 7)
    )
    groups = tuple(
        Group(name, _number(gid, GROUP), tuple(filter(None, members.split(","))))
        for name, _, gid, members in _lines(fs, GROUP, 4)
    )
    return Accounts(users, groups)


def _lines(fs: FileSystem, path: str, fields: int) -> Iterator[list[str]]:
    if not fs.exists(path):
        return
    text = fs.read_bytes(path, limit=_DATABASE_BYTES).decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        values = line.split(":")
        if len(values) != fields:
            raise ImageError(f"line {number} has {len(values)} fields, not {fields}", where=path)
        yield values


def _number(text: str, path: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise ImageError(f"{text[:80]!r} is no user or group ID", where=path)
    return int(text)
