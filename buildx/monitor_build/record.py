"""What is kept of a build: `.build/record.json`. By it the next one is decided on, and reports tell what was built.

```json
{"schema": 1,
 "image": {"reference": "…", "platform": "linux/arm64", "id": "sha256:…", "digest": "sha256:…",
           "manifest_digest": "sha256:…", "config_digest": "sha256:…"},
 "bases": {"kind": "stand-in|upstream",
           "builder": {"name": "…", "kind": "…", "digest": "sha256:…", "context": "…", "pinned": false,
                       "recipe": "…", "packages": {}},
           "runtime": {}},
 "inputs": {"sha256": "…", "dirty": false, "files": {"Dockerfile.monitor": "…"}},
 "arguments": {"VERSION": "…", "VCS_REF": "…", "BUILD_DATE": "…"},
 "tools": {"client": "…", "buildx": "…", "engine": "…", "image_store": "containerd|classic"},
 "outputs": ["engine", "oci-archive:FILE"], "provenance": true, "started": "…", "seconds": 0.0}
```
`id` is what `docker image inspect` calls the image; `digest` is the index's where there are attestations. Values that
the build did not tell, because there was no such output, are null.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor_build.bake import Exported
from monitor_build.bases import Base, Bases
from monitor_build.docker_client import DockerClient, Engine
from monitor_build.errors import BuildError
from monitor_build.source import rfc3339

SCHEMA = 1
PLATFORM = "linux/arm64"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a build was made from.

    Args:
        sha256: All of it in one value.
        dirty: Whether it differs from the commit that the image's revision label names.
        files: SHA-256 of each file.
        arguments: The build arguments.
    """

    sha256: str
    dirty: bool
    files: Mapping[str, str]
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """A finished build.

    Args:
        reference: The image's name.
        engine_id: What the engine calls the image; None when the build did not go to it.
        exported: What BuildKit wrote.
        bases: What it stands on.
        inputs: What it was made from.
        client: The docker client that built it.
        engine: The engine that built it.
        outputs: Where it went, as on the command line.
        provenance: Whether it has a provenance attestation.
        started: When.
        took: How long.
    """

    reference: str
    engine_id: str | None
    exported: Exported
    bases: Bases
    inputs: Inputs
    client: DockerClient
    engine: Engine
    outputs: tuple[str, ...]
    provenance: bool
    started: datetime
    took: timedelta

    def as_json(self) -> dict[str, Any]:
        """The document."""
        return {
            "schema": SCHEMA,
            "image": {
                "reference": self.reference,
                "platform": PLATFORM,
                "id": self.engine_id,
                "digest": self.exported.digest,
                "manifest_digest": self.exported.manifest,
                "config_digest": self.exported.config,
            },
            "bases": {
                "kind": self.bases.kind.value,
                "builder": _base(self.bases.builder),
                "runtime": _base(self.bases.runtime),
            },
            "inputs": {
                "sha256": self.inputs.sha256,
                "dirty": self.inputs.dirty,
                "files": dict(self.inputs.files),
            },
            "arguments": dict(self.inputs.arguments),
            "tools": {
                "client": str(self.client.program),
                "buildx": self.client.buildx,
                "engine": self.engine.version,
                "image_store": "containerd" if self.engine.containerd_store else "classic",
            },
            "outputs": list(self.outputs),
            "provenance": self.provenance,
            "started": rfc3339(self.started),
            "seconds": round(self.took.total_seconds(), 2),
        }


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the record of an earlier build says about whether it still holds.

    Args:
        reference: The image's name.
        engine_id: What the engine called it.
        bases: `upstream` or `stand-in`.
        sha256: All inputs in one value.
        files: SHA-256 of each file.
        arguments: The build arguments.
    """

    reference: str
    engine_id: str | None
    bases: str
    sha256: str
    files: Mapping[str, str]
    arguments: Mapping[str, str]


def write_record(file: Path, record: Record) -> None:
    """Writes a record in one step.

    Raises:
        BuildError: It cannot be written.
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(record.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        aside.replace(file)
    except OSError as problem:
        aside.unlink(missing_ok=True)
        raise BuildError(
            f"cannot write it ({problem.strerror})", where=str(file), fix="choose another with --record"
        ) from None


def read_record(file: Path) -> Earlier | None:
    """What is on record; None when there is nothing, or nothing that can be read: then a build writes it anew."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            return None
        return Earlier(
            content["image"]["reference"],
            content["image"]["id"],
            content["bases"]["kind"],
            content["inputs"]["sha256"],
            dict(content["inputs"]["files"]),
            dict(content["arguments"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _base(base: Base) -> dict[str, Any]:
    return {
        "name": base.name,
        "kind": base.kind.value,
        "digest": base.digest,
        "context": base.context,
        "pinned": base.pinned,
        "recipe": base.recipe,
        "packages": dict(base.packages),
    }
