"""Addresses of other services, which may hold credentials that nobody is to read."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

# Not urllib's rules: MongoDB's URLs name several hosts, which it does not know how to take apart.
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<credentials>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
_PORTS = re.compile(r":([0-9]{1,5})(?=,|$)")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, repr=False)
class ServiceAddress:
    """The URL of another service. ``str()`` and ``repr()`` leave out its credentials and options.

    Attributes:
        url: The URL as it was given, credentials included: for the client library alone.
        scheme: Its scheme.
        credentials: User and password, as written; empty where there are none.
        hosts: Host and port, or several of them with commas between.
        path: Its path, with the slash.
        query: Its options, as written.
    """

    url: str
    scheme: str
    credentials: str
    hosts: str
    path: str
    query: str

    @classmethod
    def parse(cls, text: str, *, schemes: Collection[str]) -> Self:
        """Read an address.

        Args:
            text: The URL.
            schemes: The schemes that are allowed; ``unix`` takes a path in place of a host.

        Raises:
            ValueError: It is not such a URL. The message holds nothing of the text.
        """
        match = _URL.fullmatch(text)
        if match is None or not text.isprintable() or " " in text or match["scheme"] not in schemes:
            raise ValueError("not a URL")
        address = cls(text, **match.groupdict(""))
        if not address._has_destination():
            raise ValueError("not a URL")
        return address

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted by the scheme's own rules (https, rediss)."""
        return self.scheme in {"https", "rediss"}

    @property
    def secrets(self) -> frozenset[str]:
        """Each text that must not be shown: as written in the URL, and decoded."""
        user, _, password = self.credentials.partition(":")
        options = [option.partition("=")[2] for option in self.query.split("&")]
        # A user name without a password is a token as often as it is a name.
        written = [text for text in (password or user, *options) if text]
        return frozenset(written) | frozenset(unquote(text) for text in written)

    def _has_destination(self) -> bool:
        if self.scheme == "unix":
            return len(self.path) > 1 and not self.hosts
        ports = (int(port) for port in _PORTS.findall(self.hosts))
        return _HOSTS.fullmatch(self.hosts) is not None and all(0 < port <= _HIGHEST_PORT for port in ports)

    def __str__(self) -> str:
        return f"{self.scheme}://{'***@' if self.credentials else ''}{self.hosts}{self.path}"

    def __repr__(self) -> str:
        return f"ServiceAddress({str(self)!r})"
