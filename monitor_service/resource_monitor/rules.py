"""What a setting may hold: how its text is read, and how the allowed values are told to whoever got them wrong."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from common.addresses import ServiceAddress

_WHOLE = re.compile(r"-?[0-9]{1,18}")


class Rule(Protocol):
    """One kind of value."""

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of a sentence."""

    @property
    def confidential(self) -> bool:
        """Whether a value may hold a credential, so that not even a wrong one is shown."""

    def read(self, raw: object) -> object:
        """Turn what was given, text from the environment or a value from YAML, into the value.

        Raises:
            ValueError: It is not allowed.
        """


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int
    confidential: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return f"a whole number from {self.low} to {self.high}"

    def read(self, raw: object) -> int:
        """Read ASCII digits, or an integer. ``int()`` alone would also take ``8_093``, ``' 8093'`` and other digits."""
        text = str(raw)
        if isinstance(raw, bool) or not _WHOLE.fullmatch(text) or not self.low <= int(text) <= self.high:
            raise ValueError(self.allowed)
        return int(text)


@dataclass(frozen=True, slots=True)
class Number:
    """A number above zero and up to a bound."""

    high: float
    confidential: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return f"a number above 0, up to {self.high:g}"

    def read(self, raw: object) -> float:
        """Read a decimal number."""
        try:
            number = math.nan if isinstance(raw, bool) else float(str(raw))
        except ValueError:
            number = math.nan
        # Also refuses "nan", which no comparison holds for.
        if not 0 < number <= self.high:
            raise ValueError(self.allowed)
        return number


@dataclass(frozen=True, slots=True)
class Seconds:
    """A length of time, given in seconds."""

    low: float
    high: float
    confidential: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return f"seconds, from {self.low:g} to {self.high:g}"

    def read(self, raw: object) -> timedelta:
        """Read seconds, fractions included."""
        try:
            seconds = Number(self.high).read(raw)
        except ValueError:
            raise ValueError(self.allowed) from None
        if seconds < self.low:
            raise ValueError(self.allowed)
        return timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words, in any case."""

    words: tuple[str, ...]
    confidential: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return "one of " + ", ".join(self.words)

    def read(self, raw: object) -> str:
        """Read the word, as it is spelt in ``words``."""
        word = str(raw).upper()
        if word not in self.words:
            raise ValueError(self.allowed)
        return word


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier that a database accepts."""

    confidential: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return "1 to 63 letters, digits, - and _"

    def read(self, raw: object) -> str:
        """Read the name."""
        if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", raw):
            raise ValueError(self.allowed)
        return raw


@dataclass(frozen=True, slots=True)
class Folder:
    """An absolute path; blank means none.

    Attributes:
        exists: Whether it must be there already; else it may be a volume that comes later.
    """

    exists: bool
    confidential: bool = False

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return "the absolute path of an existing folder" if self.exists else "an absolute path"

    def read(self, raw: object) -> Path | None:
        """Read the path."""
        if _blank(raw):
            return None
        if not isinstance(raw, str) or not raw.startswith("/") or "\0" in raw:
            raise ValueError(self.allowed)
        path = Path(raw)
        if self.exists and not path.is_dir():
            raise ValueError(self.allowed)
        return path


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of another service; blank means none, as compose files pass an unset variable as a blank one."""

    schemes: tuple[str, ...]
    confidential: bool = True

    @property
    def allowed(self) -> str:
        """What is allowed."""
        return "a URL, " + " or ".join(
            f"{scheme}://path" if scheme == "unix" else f"{scheme}://host[:port]" for scheme in self.schemes
        )

    def read(self, raw: object) -> ServiceAddress | None:
        """Read the URL."""
        if _blank(raw):
            return None
        if not isinstance(raw, str):
            raise ValueError(self.allowed)
        return ServiceAddress.parse(raw, schemes=self.schemes)


def _blank(raw: object) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())
