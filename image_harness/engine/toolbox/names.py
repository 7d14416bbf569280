"""Names of users and groups, by /etc/passwd and /etc/group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ID = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Names of users and groups by id; an id without a name stands for itself."""

    users: Mapping[int, str]
    groups: Mapping[int, str]

    @classmethod
    def parse(cls, passwd: str, group: str) -> Accounts:
        """Read the text of /etc/passwd and /etc/group."""
        return cls(_names(passwd), _names(group))

    def user(self, uid: int) -> str:
        """The name of a user."""
        return self.users.get(uid, str(uid))

    def group(self, gid: int) -> str:
        """The name of a group."""
        return self.groups.get(gid, str(gid))


def _names(text: str) -> dict[int, str]:
    fields = [line.split(":") for line in text.split("\n")]
    # The first entry of an id counts, as it does for the C library.
    return {int(found[2]): found[0] for found in reversed(fields) if len(found) > 2 and _ID.fullmatch(found[2])}
