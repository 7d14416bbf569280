"""Words, numbers and untrusted text, as all reports show them."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final

from image_harness.types import Evidence, Origin, Status

STATUS_WORDS: Final = {
    Status.MET: "met",
    Status.NOT_MET: "not met",
    Status.UNPROVEN: "unproven",
    Status.NOT_SELECTED: "not selected",
}
ORIGIN_WORDS: Final = {
    Origin.REPORT: "compliance report",
    Origin.FAMILY: "family design",
    Origin.BEYOND: "beyond the documents",
}
EVIDENCE_WORDS: Final = {
    Evidence.SOURCE: "what the image is built from",
    Evidence.IMAGE: "what its layers and configuration hold",
    Evidence.RUNTIME: "what the running container does",
}

_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
BACKTICKS: Final = re.compile("`+")
_KIBI: Final = 1024
_MINUTE: Final = 60


def printable(text: str) -> str:
    r"""Return text that cannot steer a terminal or hide its order: control characters become ``\x1b`` and the like.

    Line feeds and tabs stay. Bidirectional overrides, lone surrogates and what XML 1.0 has no place for go as well.
    """
    if text.isprintable():
        return text  # nearly all texts are, and there are many
    return _UNPRINTABLE.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str, limit: int | None = None) -> str:
    """Return printable text with all white space made single spaces, cut to ``limit`` characters."""
    line = " ".join(printable(text).split())
    return line if limit is None else cut(line, limit)


def code_span(text: str, limit: int | None = None) -> str:
    """Put text into a Markdown code span that it cannot end; not for tables, whose cells end before their spans do."""
    line = one_line(text, limit)
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in BACKTICKS.findall(line)), default=0))
    pad = " " if "`" in (line[0], line[-1]) else ""
    return fence + pad + line + pad + fence


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of a text, the last three of them dots when there are more."""
    return text if len(text) <= limit else text[: max(limit - 3, 0)].rstrip() + "..."


def percent(compliance: float | None) -> str:
    """Return a share as a whole percentage, never rounded up: 99.9 % met is not ``100 %``."""
    return "-" if compliance is None else f"{math.floor(round(compliance * 100, 6))} %"


def size(count: int) -> str:
    """Return a number of bytes for people, in powers of 1024."""
    if count < _KIBI:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= _KIBI
        if amount < _KIBI:
            return f"{amount:.1f} {unit}"
    return f"{amount / _KIBI:.1f} TiB"


def seconds(duration: timedelta) -> str:
    """Return a duration for people."""
    total = duration.total_seconds()
    if total < _MINUTE:
        return f"{total:.2f} s"
    minutes, rest = divmod(round(total), _MINUTE)
    return f"{minutes} min {rest} s"


def count(number: int, noun: str) -> str:
    """Return ``1 layer`` or ``2 layers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
