"""Where an image is in a registry: ``HOST[:PORT]/PATH@DIGEST``, in the notation of Docker's clients."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self

from image_harness.errors import HarnessError
from image_harness.types import Digest

_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?P<name>\[(?P<ipv6>[0-9a-fA-F:]+)\]|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?")
_LAST_PORT: Final = 65535
_DOCKER_HUB: Final = ("docker.io", "index.docker.io")


@dataclass(frozen=True, slots=True)
class Repository:
    """A named place in a registry.

    Attributes:
        host: The registry, with its port.
        path: The name there.
    """

    host: str
    path: str

    @property
    def url(self) -> str:
        """Where its API is: over TLS, but on this very machine."""
        host = "registry-1.docker.io" if self.host in _DOCKER_HUB else self.host
        return f"{'http' if self.is_loopback else 'https'}://{host}/v2/{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether the registry runs on this machine, where nobody listens in."""
        match = _HOST.fullmatch(self.host)
        name = match["name"].strip("[]") if match else ""
        try:
            return name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


@dataclass(frozen=True, slots=True)
class RegistryImage:
    """One image in a registry.

    Attributes:
        repository: Where.
        digest: Which.
    """

    repository: Repository
    digest: Digest

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST/PATH@DIGEST``; a tag between the two is ignored, as Docker's clients do.

        Raises:
            HarnessError: The text has another shape.
        """
        fix = "write HOST[:PORT]/NAME@sha256:<64 hex digits>"
        name, at, digest = text.partition("@")
        if not at:
            raise HarnessError("names no digest, and a tag can mean another image tomorrow", where=text, fix=fix)
        head, slash, last = name.rpartition("/")
        name = f"{head}{slash}{last.partition(':')[0]}"
        first, slash, rest = name.partition("/")
        is_host = slash and ("." in first or ":" in first or first == "localhost")
        host, path = (first, rest) if is_host else ("docker.io", name if slash else f"library/{name}")
        if not _is_host(host) or not _PATH.fullmatch(path):
            raise HarnessError("not an image in a registry", where=text, fix=fix)
        return cls(Repository(host, path), Digest(digest))

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match["port"] or _LAST_PORT) <= _LAST_PORT:
        return False
    try:
        ipaddress.IPv6Address(match["ipv6"] or "::")
    except ValueError:
        return False
    return True
