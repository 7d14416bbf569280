"""Writes an OCI image layout (image-spec 1.1, image-layout.md): the form in which a stand-in reaches BuildKit."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNK = 1 << 20
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform an image says it is for."""

    os: str
    architecture: str
    variant: str | None = None

    def as_json(self) -> dict[str, str]:
        """The `platform` object of a descriptor, and the head of a configuration."""
        fields = {"os": self.os, "architecture": self.architecture}
        return fields | ({"variant": self.variant} if self.variant else {})


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How a container of the image starts: the `config` object of an image configuration."""

    user: str = ""
    working_dir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object, without the keys that have nothing to say."""
        full = {
            "User": self.user,
            "Env": [f"{name}={value}" for name, value in self.env.items()],
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "WorkingDir": self.working_dir,
        }
        return {key: value for key, value in full.items() if value}


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of the layout, known by what it holds."""

    digest: str
    size: int
    media_type: str

    def as_json(self) -> dict[str, Any]:
        """The blob's descriptor."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's blob and the digest of the tar inside it."""

    blob: Blob
    diff_id: str


class Layout:
    """An OCI image layout being written into an empty directory.

    Args:
        directory: Made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._blobs = directory / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)

    def add_layer(self, tar: Path, *, compress: bool) -> Layer:
        """Takes a tar file in as a layer; the tar itself is used up.

        Args:
            tar: An uncompressed tar on the same file system.
            compress: Whether to gzip it. Worth it for a layer that ends in the built image.
        """
        diff_id = _digest(tar)
        if not compress:
            return Layer(self._take_in(tar, LAYER_TAR), diff_id)
        packed = tar.with_name(tar.name + ".gz")
        with tar.open("rb") as plain, packed.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
            shutil.copyfileobj(plain, out, CHUNK)
        tar.unlink()
        return Layer(self._take_in(packed, LAYER_GZIP), diff_id)

    def finish(
        self, layer: Layer, *, platform: Platform, run: RunConfig, created: str, created_by: str, comment: str
    ) -> str:
        """Writes configuration, manifest and index around one layer.

        Args:
            layer: The image's only layer.
            platform: What it was made for.
            run: How it starts.
            created: RFC 3339.
            created_by: What made the layer; it stays the first history entry of every image built on this one.
            comment: What the layer holds.

        Returns:
            The manifest's digest.
        """
        # No "created" of its own: BuildKit would leave it in every image built on this one, as that image's date.
        config = platform.as_json() | {
            "config": run.as_json(),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
            "history": [{"created": created, "created_by": created_by, "comment": comment}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._add_json(config, CONFIG).as_json(),
            "layers": [layer.blob.as_json()],
        }
        blob = self._add_json(manifest, MANIFEST)
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [blob.as_json() | {"platform": platform.as_json()}],
        }
        (self.directory / "index.json").write_text(json.dumps(index))
        (self.directory / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
        return blob.digest

    def _add_json(self, document: Mapping[str, Any], media_type: str) -> Blob:
        content = json.dumps(document, separators=(",", ":")).encode()
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return Blob(f"sha256:{digest}", len(content), media_type)

    def _take_in(self, file: Path, media_type: str) -> Blob:
        digest = _digest(file)
        size = file.stat().st_size
        file.rename(self._blobs / digest.removeprefix("sha256:"))
        return Blob(digest, size, media_type)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
