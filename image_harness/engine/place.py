"""Where an engine is, seen from here: its containers' ports are reached there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """A machine that an engine runs on.

    Attributes:
        host: Its name or address as the engine's URL has it; None for this machine.
    """

    host: str | None = None

    @classmethod
    def of(cls, url: str) -> Self:
        """The place that a URL, as DOCKER_HOST takes it, leads to."""
        host = None if url.startswith(("unix:", "http+unix:")) else urlsplit(url).hostname
        return cls(None if host is None or _is_loopback(host) else host)

    @property
    def publish_on(self) -> str:
        """The address to publish ports on: of this machine nobody else needs them; elsewhere, all that there are."""
        return LOOPBACK if self.host is None else ""

    def reached_at(self, published_on: str) -> str:
        """The address at which a port is reached that the engine calls published on that one."""
        if self.host is not None:
            return self.host
        return LOOPBACK if published_on in ("", "0.0.0.0", "::") else published_on


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
