"""What the build left on record (``.build/record.json``, schema 1), and which upstream images are pinned."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from image_harness.errors import HarnessError, first_problem
from image_harness.types import Digest


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Image(_Model):
    manifest_digest: str | None


class _Inputs(_Model):
    dirty: bool
    files: dict[str, str]


class _Record(_Model):
    version: int = Field(alias="schema")
    image: _Image
    inputs: _Inputs


class _Upstream(_Model):
    digest: str | None = None


class _Lock(_Model):
    version: int
    upstream: dict[str, _Upstream] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """What an image was made from.

    Attributes:
        manifest_digest: The image; None where the build did not learn its digest.
        dirty: Whether what it was made from differed from the commit.
        files: SHA-256 of each file that it was made from, by its path in the checkout.
    """

    manifest_digest: Digest | None
    dirty: bool
    files: Mapping[str, str]


def read_record(path: Path) -> BuildRecord | None:
    """Read what the last build left; None where there is no record.

    Raises:
        HarnessError: It is damaged, or of a version that this harness does not know.
    """
    try:
        record = _Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValidationError as error:
        raise HarnessError(f"not a build record: {first_problem(error)}", where=str(path), fix="build again") from None
    if record.version != 1:
        raise HarnessError(f"a build record of schema {record.version}, not 1", where=str(path), fix="build again")
    digest = record.image.manifest_digest
    return BuildRecord(Digest(digest) if digest else None, record.inputs.dirty, record.inputs.files)


def read_pins(path: Path) -> Mapping[str, Digest | None]:
    """Read which digest each upstream image is pinned to; None for one that nobody has pinned.

    Raises:
        HarnessError: The file is missing or damaged.
    """
    try:
        lock = _Lock.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HarnessError(f"not TOML: {error}", where=str(path)) from None
    except ValidationError as error:
        raise HarnessError(f"not a lock file: {first_problem(error)}", where=str(path)) from None
    return {name: Digest(entry.digest) if entry.digest else None for name, entry in lock.upstream.items()}
