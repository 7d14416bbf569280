"""OCI layouts to measure on: made to measure, or exported from an engine."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

REFERENCE = "pickme/lucid-rdp-monitor:latest-arm64"


def export(reference: str, folder: Path) -> Path:
    """Write an image of the engine as an OCI layout; the folder is returned."""
    docker, tar = shutil.which("docker"), shutil.which("tar")
    if docker is None or tar is None:
        raise SystemExit("no docker client or no tar on PATH: ./qemu-setup.sh installs the client")
    folder.mkdir(exist_ok=True)
    with subprocess.Popen([docker, "save", reference], stdout=subprocess.PIPE) as saving:
        subprocess.run([tar, "--extract", "--directory", folder], stdin=saving.stdout, check=True)
    if saving.returncode != 0:
        raise SystemExit(f"the engine has no {reference}: python3 buildx/build.py makes it")
    return folder


def header(name: str, size: int) -> bytes:
    """The tar header of a regular file."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def write_layout(folder: Path, pieces: Iterator[bytes]) -> Path:
    """Write a layout of one layer and return the layer's blob. Pieces that repeat are compressed once."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    stored, plain = hashlib.sha256(), hashlib.sha256()
    known: dict[bytes, bytes] = {}
    with (folder / "layer").open("wb") as file:
        for piece in pieces:
            plain.update(piece)
            key = hashlib.sha256(piece).digest() if len(piece) > 2048 else b""
            member = known.get(key) or gzip.compress(piece, 1)
            if key:
                known = {key: member}
            stored.update(member)
            file.write(member)
    blob = (folder / "layer").rename(blobs / stored.hexdigest())
    layer = {"digest": f"sha256:{stored.hexdigest()}", "size": blob.stat().st_size}
    config = {
        "os": "linux",
        "architecture": "arm64",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{plain.hexdigest()}"]},
    }
    kind = "application/vnd.oci.image"
    described = {
        "schemaVersion": 2,
        "config": _blob(blobs, config, f"{kind}.config.v1+json"),
        "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", **layer}],
    }
    index = {"schemaVersion": 2, "manifests": [_blob(blobs, described, f"{kind}.manifest.v1+json")]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return blob


def _blob(blobs: Path, document: object, media_type: str) -> dict[str, object]:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
