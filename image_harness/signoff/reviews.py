"""``reviewed.lock``: which designs somebody has read and found right, by their digests.

The file stands beside the designs and is committed with them, so that the history tells who reviewed what.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from image_harness.errors import HarnessError
from image_harness.replacing import replace_file
from image_harness.types import Digest

FILE_NAME: Final = "reviewed.lock"
_VERSION: Final = 1
_HEAD: Final = """\
# Which designs were reviewed, by the digest over all their files. `image-harness review FILE` writes this file; a
# sign-off refuses an image that was held against another design.
"""


@dataclass(frozen=True, slots=True)
class Review:
    """One design, as it was when it was reviewed.

    Attributes:
        digest: Over the design's files.
        reviewed: When.
        note: What the reviewer has to say.
    """

    digest: Digest
    reviewed: date
    note: str = ""


def read_reviews(path: Path) -> Mapping[str, Review]:
    """Read the reviews by the designs' names; none where there is no such file.

    Raises:
        HarnessError: The file is damaged.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HarnessError(f"not TOML: {error}", where=str(path)) from None
    except RecursionError:
        raise HarnessError("not TOML: it is nested too deeply", where=str(path)) from None
    if content.get("version") != _VERSION:
        raise HarnessError(f"its version is {content.get('version')!r}, not {_VERSION}", where=str(path))
    try:
        return {name: _review(entry) for name, entry in content.get("design", {}).items()}
    except (HarnessError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"an entry is not as it should be: {error}", where=str(path)) from None


def write_review(path: Path, name: str, review: Review) -> None:
    """Note a review, in place of an earlier one of the same design; there is never half a file.

    Raises:
        HarnessError: The note cannot be printed, or the file is damaged or cannot be written.
    """
    if not review.note.isprintable():
        fix = "write it in one line, without control characters"
        raise HarnessError(f"cannot be printed: {review.note!a}", where="--note", fix=fix)
    reviews = {**read_reviews(path), name: review}
    lines = [_HEAD, f"version = {_VERSION}"]
    for key, entry in sorted(reviews.items()):
        lines += ["", f"[design.{_quoted(key)}]", f'digest = "{entry.digest}"', f"reviewed = {entry.reviewed}"]
        lines += [f"note = {_quoted(entry.note)}"] if entry.note else []
    try:
        replace_file(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise HarnessError(f"cannot be written: {error.strerror}", where=str(path)) from None


def _quoted(text: str) -> str:
    # JSON's strings are TOML's but for this one character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", r"\u007f")


def _review(entry: Mapping[str, Any]) -> Review:
    if not isinstance(entry["reviewed"], date):
        raise TypeError("reviewed is no date")
    return Review(Digest(entry["digest"]), entry["reviewed"], str(entry.get("note", "")))
