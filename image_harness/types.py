"""The vocabulary that every part of the harness shares."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, Self

from image_harness.errors import HarnessError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PORT_NUMBER = re.compile(r"[0-9]{1,5}")
_DEFAULT_VARIANTS: Final = {"amd64": "v1", "arm": "v7", "arm64": "v8"}


class Evidence(enum.StrEnum):
    """What kind of thing decides a requirement, weakest first."""

    SOURCE = "source"
    IMAGE = "image"
    RUNTIME = "runtime"


class Origin(enum.StrEnum):
    """Which document a requirement comes from."""

    REPORT = "report"
    FAMILY = "family"
    BEYOND = "beyond"


class Status(enum.StrEnum):
    """What is known of a requirement after a run. Only ``MET`` counts as compliant."""

    MET = "met"
    NOT_MET = "not-met"
    UNPROVEN = "unproven"
    NOT_SELECTED = "not-selected"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A sha256 content digest as the OCI image specification writes it: ``sha256:<64 lower-case hex digits>``.

    Raises:
        HarnessError: The text is not such a digest.
    """

    value: str

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.value):
            raise HarnessError(f"not a sha256 digest: {self.value[:80]!r}", fix="write it as sha256:<64 hex digits>")

    @property
    def hex(self) -> str:
        """The digits without the algorithm."""
        return self.value.removeprefix("sha256:")

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An operating system and a CPU architecture, in the names of Go's GOOS and GOARCH, as OCI indexes use them."""

    os: str
    architecture: str
    variant: str | None = None

    LINUX_ARM64: ClassVar[Platform]
    LINUX_AMD64: ClassVar[Platform]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture[/variant]``.

        Raises:
            HarnessError: The text has another shape.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise HarnessError(f"not a platform: {text!r}", fix="write it as linux/arm64")
        return cls(*parts)

    def accepts(self, other: Platform) -> bool:
        """Whether an image for ``other`` is one for this platform (arm64 and arm64/v8 are the same)."""
        return self._without_default == other._without_default

    @property
    def _without_default(self) -> Platform:
        """The same without a variant that engines take to be meant where none is named."""
        is_default = self.variant == _DEFAULT_VARIANTS.get(self.architecture)
        return Platform(self.os, self.architecture) if is_default else self

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


Platform.LINUX_ARM64 = Platform("linux", "arm64")
Platform.LINUX_AMD64 = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A port number and its protocol, written ``8093/tcp`` as in an image's ExposedPorts."""

    number: int
    protocol: str = "tcp"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``8093`` or ``8093/tcp``.

        Raises:
            HarnessError: Not a number from 1 to 65535, or an unknown protocol.
        """
        number, _, protocol = text.partition("/")
        if not _PORT_NUMBER.fullmatch(number) or not 0 < int(number) < 65536:
            raise HarnessError(f"not a port: {text[:80]!r}", fix="write it as 8093/tcp")
        if (protocol or "tcp") not in ("tcp", "udp", "sctp"):
            raise HarnessError(f"unknown protocol in port {text!r}", fix="use tcp, udp or sctp")
        return cls(int(number), protocol or "tcp")

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A health check's definition, as Docker's image specification has it in ``config.Healthcheck``.

    ``None`` means that the image does not say and that the engine's default holds.
    """

    test: tuple[str, ...]
    interval: timedelta | None = None
    timeout: timedelta | None = None
    start_period: timedelta | None = None
    start_interval: timedelta | None = None
    retries: int | None = None

    @classmethod
    def none(cls) -> Self:
        """The definition that takes away what the image defines."""
        return cls(test=("NONE",))

    @property
    def is_none(self) -> bool:
        """Whether it only takes away what the image defines."""
        return self.test[:1] == ("NONE",)
