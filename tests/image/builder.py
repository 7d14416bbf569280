"""Small images made in memory, in every form that an image comes in. Tar archives are written by Python's tarfile."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import zstandard

from image_harness.image import Entry, FileSystem, Image, ImageReference, open_image
from image_harness.types import Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER_TYPES = {
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    "none": "application/vnd.oci.image.layer.v1.tar",
}
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
REF_NAME = "org.opencontainers.image.ref.name"
ARM64 = {"os": "linux", "architecture": "arm64"}
AMD64 = {"os": "linux", "architecture": "amd64"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """One tar entry; ``kind`` is tarfile's type."""

    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = 1_700_000_000
    target: str = ""
    device: tuple[int, int] = (0, 0)
    pax: Mapping[str, str] = field(default_factory=dict)


def directory(mode: int = 0o755, *, uid: int = 0, gid: int = 0) -> Node:
    return Node(kind=tarfile.DIRTYPE, mode=mode, uid=uid, gid=gid)


def symlink(target: str) -> Node:
    return Node(kind=tarfile.SYMTYPE, mode=0o777, target=target)


def hard_link(
    target: str, mode: int = 0o644, *, uid: int = 0, gid: int = 0, pax: Mapping[str, str] | None = None
) -> Node:
    return Node(kind=tarfile.LNKTYPE, target=target, mode=mode, uid=uid, gid=gid, pax=pax or {})


Entries = Mapping[str, Node | bytes] | Sequence[tuple[str, Node | bytes]]


class Open(Protocol):
    """Makes an image of layers, lowest first, and gives its file system."""

    def __call__(self, *layers: Entries) -> FileSystem: ...


def tar(entries: Entries, tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    """Write a tar archive; plain bytes stand for a file of that content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tar_format) as archive:
        for name, value in entries.items() if isinstance(entries, Mapping) else entries:
            node = Node(value) if isinstance(value, bytes) else value
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = node.kind, node.mode, node.uid, node.gid
            info.mtime = node.mtime  # fractions are written as PAX records
            info.linkname = node.target
            info.devmajor, info.devminor = node.device
            info.size = len(node.content)
            info.pax_headers = dict(node.pax)
            archive.addfile(info, io.BytesIO(node.content))
    return stream.getvalue()


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def compress(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data, mtime=0)
    return zstandard.ZstdCompressor().compress(data) if how == "zstd" else data


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


@dataclass
class ImageBuilder:
    """One image; change what is public before writing it, to make it wrong on purpose."""

    platform: Json = field(default_factory=lambda: dict(ARM64))
    run: Json = field(default_factory=dict)
    compression: str = "gzip"
    docker_types: bool = False
    layers: list[bytes] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)
    config_changes: Json = field(default_factory=dict)
    manifest_changes: Json = field(default_factory=dict)
    attestations: list[Json] = field(default_factory=list)

    def layer(self, entries: Entries, created_by: str = "COPY . /") -> ImageBuilder:
        return self.raw_layer(tar(entries), created_by)

    def raw_layer(self, data: bytes, created_by: str = "COPY . /") -> ImageBuilder:
        self.layers.append(data)
        self.history.append({"created_by": created_by, "created": "2026-01-02T03:04:05Z"})
        return self

    @property
    def config(self) -> bytes:
        return dump(
            {
                **self.platform,
                "config": self.run,
                "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in self.layers]},
                "history": self.history,
                **self.config_changes,
            }
        )

    @property
    def blobs(self) -> list[bytes]:
        return [compress(layer, self.compression) for layer in self.layers]

    @property
    def manifest(self) -> bytes:
        layer_type = DOCKER_LAYER if self.docker_types else LAYER_TYPES[self.compression]
        return dump(
            {
                "schemaVersion": 2,
                "mediaType": DOCKER_MANIFEST if self.docker_types else OCI_MANIFEST,
                "config": descriptor(self.config, DOCKER_CONFIG if self.docker_types else OCI_CONFIG),
                "layers": [descriptor(blob, layer_type) for blob in self.blobs],
                **self.manifest_changes,
            }
        )

    @property
    def descriptor(self) -> Json:
        media_type = DOCKER_MANIFEST if self.docker_types else OCI_MANIFEST
        return {**descriptor(self.manifest, media_type), "platform": self.platform}

    def layout(self, *, tag: str | None = "latest", nested: bool = True) -> dict[str, bytes]:
        """Return the files of an OCI layout, by name."""
        return layout([self], tag=tag, nested=nested)

    def docker_archive(self, *tags: str) -> dict[str, bytes]:
        """Return the files of what an engine without a content store saves."""
        config = self.config
        names = [f"{hashlib.sha256(layer).hexdigest()}.tar" for layer in self.layers]
        files = dict(zip(names, self.layers, strict=True))
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": list(tags), "Layers": names}]
        return {**files, config_name: config, "manifest.json": dump(manifest)}


def layout(images: Sequence[ImageBuilder], *, tag: str | None = "latest", nested: bool = True) -> dict[str, bytes]:
    """Return the files of an OCI layout of several platforms; with ``nested``, behind an index of their own."""
    files = {"oci-layout": dump({"imageLayoutVersion": "1.0.0"})}
    items = []
    for image in images:
        items.append(image.descriptor)
        for data in (image.manifest, image.config, *image.blobs):
            add_blob(files, data)
    for image in images:
        items += [_attestation(files, image, statement) for statement in image.attestations]
    if nested:
        inner = dump({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": items})
        add_blob(files, inner)
        items = [descriptor(inner, OCI_INDEX)]
    if tag is not None:
        items[0]["annotations"] = {REF_NAME: tag}
    files["index.json"] = dump({"schemaVersion": 2, "manifests": items})
    return files


def _attestation(files: dict[str, bytes], image: ImageBuilder, statement: Json) -> Json:
    data = dump(statement)
    config = dump({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
    layer = {**descriptor(data, "application/vnd.in-toto+json"), "annotations": {}}
    manifest = dump({"schemaVersion": 2, "config": descriptor(config, OCI_CONFIG), "layers": [layer]})
    for blob in (data, config, manifest):
        add_blob(files, blob)
    return {
        **descriptor(manifest, OCI_MANIFEST),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image.descriptor["digest"],
        },
    }


def descriptor(data: bytes, media_type: str) -> Json:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}


def add_blob(files: dict[str, bytes], data: bytes) -> str:
    name = f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
    files[name] = data
    return name


def write_directory(files: Mapping[str, bytes], path: Path) -> str:
    """Write a layout as a directory and return its reference."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return f"oci:{path}"


def write_archive(files: Mapping[str, bytes], path: Path, transport: str = "oci-archive", how: str = "none") -> str:
    """Write files as an archive and return its reference."""
    path.write_bytes(compress(tar(dict(files)), how))
    return f"{transport}:{path}"


def entry_at(fs: FileSystem, path: str, *, follow: bool = True) -> Entry:
    """Return an entry that must be there."""
    entry = fs.entry(path, follow=follow)
    assert entry is not None
    return entry


def open_built(builder: ImageBuilder, folder: Path, platform: Platform = Platform.LINUX_ARM64) -> Image:
    """Write an image as a layout and open it."""
    return open_image(ImageReference.parse(write_directory(builder.layout(), folder / "layout")), platform=platform)
