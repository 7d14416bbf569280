from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from monitor_build.bases import Base, BaseKind, Bases
from monitor_build.classic_store import loaded, write_docker_archive
from monitor_build.docker_client import DockerClient
from monitor_build.errors import BuildError
from monitor_build.oci import Layout, Platform, RunConfig

UPSTREAM = Base("python:3.11-slim-bookworm", BaseKind.UPSTREAM, "sha256:u", "docker-image://python@sha256:u")


@pytest.fixture
def stand_in(tmp_path: Path) -> Base:
    tar = tmp_path / "layer.tar"
    with tarfile.open(tar, "w") as out:
        out.addfile(tarfile.TarInfo("file"))
    layout = Layout(tmp_path / "distroless-0123456789abcdef")
    digest = layout.finish(
        layout.add_layer(tar, compress=True),
        platform=Platform("linux", "arm64"),
        run=RunConfig(),
        created="2026-01-01T00:00:00Z",
        created_by="stand-in",
        comment="",
    )
    context = f"oci-layout://{layout.directory}@{digest}"
    return Base("gcr.io/x/y:latest", BaseKind.STAND_IN, digest, context, layout=layout.directory)


def pretend_client(folder: Path, load: str) -> DockerClient:
    """A client whose engine has an image once something has been loaded."""
    program = folder / "docker"
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = load ]; then {load}; exit; fi\n'
        f"if [ -f {folder}/loaded ]; then echo sha256:1; else echo 'No such image' >&2; exit 1; fi\n"
    )
    program.chmod(0o755)
    return DockerClient(program)


def test_archive_says_what_each_blob_is_and_they_are_whole(stand_in: Base) -> None:
    assert stand_in.layout
    buffer = io.BytesIO()

    write_docker_archive(stand_in.layout, stand_in.digest, "own/name:tag", buffer)

    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as archive:
        members = {member.name: (archive.extractfile(member) or io.BytesIO()).read() for member in archive}
    (image,) = json.loads(members.pop("manifest.json"))
    assert image["RepoTags"] == ["own/name:tag"]
    assert {image["Config"], *image["Layers"]} == set(members)
    assert json.loads(members[image["Config"]])["architecture"] == "arm64"
    for name, content in members.items():
        assert hashlib.sha256(content).hexdigest() == Path(name).name


def test_stand_in_is_loaded_once_under_a_name_of_its_own_and_upstream_is_left_alone(
    stand_in: Base, tmp_path: Path
) -> None:
    client = pretend_client(tmp_path, f"cat >> {tmp_path}/loaded")
    said: list[str] = []

    bases = loaded(Bases(UPSTREAM, stand_in), client, said.append)
    size = (tmp_path / "loaded").stat().st_size
    again = loaded(Bases(UPSTREAM, stand_in), client, said.append)

    assert bases.builder == UPSTREAM
    tag = stand_in.digest.removeprefix("sha256:")[:16]
    assert bases.runtime.context == f"docker-image://image-harness-stand-in/distroless:{tag}"
    assert again == bases
    assert (tmp_path / "loaded").stat().st_size == size > 0
    assert len(said) == 1


def test_engine_that_turns_it_down_is_told(stand_in: Base, tmp_path: Path) -> None:
    client = pretend_client(tmp_path, "echo 'no space left on device' >&2; exit 1")

    with pytest.raises(BuildError, match=r"the engine does not take it \(no space left on device\)") as told:
        loaded(Bases(UPSTREAM, stand_in), client, lambda _line: None)

    assert str(told.value).startswith("image-harness-stand-in/distroless:")
