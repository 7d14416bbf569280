"""Where an image is: a transport and a place, in the notation of containers-transports(5)."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Self

from image_harness.image.errors import ImageError, printable
from image_harness.types import Digest

_FOREIGN = re.compile(r"(docker://|containers-storage:|dir:|ostree:|sif:|tarball:|docker-image://|registry:)")
_ENGINE_NAME = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._:/-]*?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_FORMS = (
    "write [docker-daemon:]NAME[:TAG], docker-archive:FILE[:NAME:TAG], oci:DIR[:TAG|@DIGEST] or oci-archive:FILE[:TAG]"
)


class Transport(enum.StrEnum):
    """How an image is reached. The value is the prefix that a reference carries."""

    DOCKER_DAEMON = "docker-daemon"
    DOCKER_ARCHIVE = "docker-archive"
    OCI = "oci"
    OCI_ARCHIVE = "oci-archive"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """One image, by transport and place.

    Attributes:
        transport: How it is reached.
        location: A path, or the repository name in an engine ("" for an image that is named by its ID alone).
        tag: Which of several images at that place; in a ``docker-archive`` the whole ``NAME:TAG``.
        digest: The digest of the manifest or index, or an engine's image ID.
    """

    transport: Transport
    location: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference; one without a transport names an image of the engine.

        Raises:
            ImageError: The text has another shape, or names a transport that is not supported.
        """
        prefix, colon, rest = text.partition(":")
        if colon and prefix in Transport.__members__.values():
            transport = Transport(prefix)
        elif match := _FOREIGN.match(text):
            raise ImageError(f"the transport {match[1]} is not supported", where=printable(text), fix=_FORMS)
        else:
            transport, rest = Transport.DOCKER_DAEMON, text
        if transport is Transport.DOCKER_DAEMON:
            return cls._parse_engine_name(rest)
        return cls._parse_path(transport, rest)

    @classmethod
    def _parse_engine_name(cls, text: str) -> Self:
        if text.startswith("sha256:"):
            return cls(Transport.DOCKER_DAEMON, "", digest=Digest(text))
        match = _ENGINE_NAME.fullmatch(text)
        if not match:
            raise ImageError(f"not an image reference: {text!r}", fix=_FORMS)
        digest = Digest(match["digest"]) if match["digest"] else None
        return cls(Transport.DOCKER_DAEMON, match["name"], match["tag"], digest)

    @classmethod
    def _parse_path(cls, transport: Transport, text: str) -> Self:
        path, at, digest = text.partition("@sha256:")
        tag: str | None = None
        if not at:
            path, colon, tag = text.partition(":")
            if colon and not tag:
                raise ImageError("nothing follows the last colon", where=printable(f"{transport}:{text}"), fix=_FORMS)
        if not path or "\0" in path:
            raise ImageError("no path is given", where=printable(f"{transport}:{text}"), fix=_FORMS)
        return cls(transport, path, tag or None, Digest(f"sha256:{digest}") if at else None)

    @property
    def name(self) -> str:
        """The place with tag and digest: for ``docker-daemon``, what the engine calls the image."""
        if not self.location:
            return str(self.digest)
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.location}{tag}{f'@{self.digest}' if self.digest else ''}"

    def __str__(self) -> str:
        return f"{self.transport}:{self.name}"
