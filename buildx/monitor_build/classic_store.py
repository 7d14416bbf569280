"""Stand-ins for an engine that keeps images in its classic store: its BuildKit cannot be handed an OCI layout.

There a stand-in is loaded into the engine, under a name of its own that no registry has, and named to BuildKit by it.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import IO

from monitor_build.bases import Base, Bases
from monitor_build.docker_client import DockerClient
from monitor_build.errors import BuildError
from monitor_build.stand_in import Say

REPOSITORY = "image-harness-stand-in"
"""What the names of loaded stand-ins begin with; what follows is the stand-in's own name and its digest."""


def loaded(bases: Bases, client: DockerClient, say: Say) -> Bases:
    """Loads the stand-ins among both bases into the engine, unless they are there.

    Args:
        bases: What is built on.
        client: How to reach the engine.
        say: Told what is loaded.

    Returns:
        The same bases, as the engine can take them.

    Raises:
        BuildError: The engine does not take one.
    """
    return Bases(_loaded(bases.builder, client, say), _loaded(bases.runtime, client, say))


def _loaded(base: Base, client: DockerClient, say: Say) -> Base:
    if base.layout is None:
        return base
    # The folder's name is the recipe's and its key; the digest tells two makings of one recipe apart.
    name = f"{REPOSITORY}/{base.layout.name.rsplit('-', 1)[0]}:{base.digest.removeprefix('sha256:')[:16]}"
    if client.image_id(name) is None:
        say(f"Loading the stand-in for {base.name} into the engine as {name}")
        _load(client, base.layout, base.digest, name)
    return replace(base, context=f"docker-image://{name}")


def _load(client: DockerClient, layout: Path, digest: str, name: str) -> None:
    with subprocess.Popen(
        [client.program, "load", "--quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as loading:
        assert loading.stdin is not None
        assert loading.stderr is not None
        try:
            write_docker_archive(layout, digest, name, loading.stdin)
            loading.stdin.close()
        except BrokenPipeError:
            pass  # the engine has turned it down: what it says comes below
        said = loading.stderr.read().decode(errors="replace").strip()
    if loading.returncode != 0:
        raise BuildError(f"the engine does not take it ({said})", where=name)


def write_docker_archive(layout: Path, digest: str, name: str, out: IO[bytes]) -> None:
    """Writes a stand-in as `docker load` wants it: its blobs, and a manifest.json that says what each is.

    Args:
        layout: Its OCI layout.
        digest: Its manifest in there.
        name: The name that it gets.
        out: Written from front to back.
    """
    manifest = json.loads(_blob(layout, digest).read_text())
    blobs = {entry["digest"]: _blob(layout, entry["digest"]) for entry in (manifest["config"], *manifest["layers"])}
    config, *layers = (str(blob.relative_to(layout)) for blob in blobs.values())
    index = json.dumps([{"Config": config, "RepoTags": [name], "Layers": layers}]).encode()
    with tarfile.open(fileobj=out, mode="w|") as archive:
        for blob in blobs.values():
            archive.add(blob, str(blob.relative_to(layout)))
        header = tarfile.TarInfo("manifest.json")
        header.size = len(index)
        archive.addfile(header, io.BytesIO(index))


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
