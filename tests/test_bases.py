"""What provenance as BuildKit writes it tells of the bases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

REPOSITORY = Path(__file__).parents[1]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from image_harness.bases import bases_of, canonical_name  # noqa: E402 - only now can the helpers be found
from image_harness.report.model import BaseImage, BasesFacts, BaseUse  # noqa: E402
from tests.image.builder import ImageBuilder, open_built  # noqa: E402
from tests.report.generate import digest  # noqa: E402

BUILDER, RUNTIME = "python:3.11-slim-bookworm", "gcr.io/distroless/python3-debian12:latest"
PINNED = {
    f"context:{BUILDER}": f"docker-image://{BUILDER}@{digest(BUILDER)}",
    # The tag of a base that the Dockerfile names without one is left out.
    "context:gcr.io/distroless/python3-debian12": f"docker-image://{RUNTIME}@{digest(RUNTIME)}",
}


def told(folder: Path, contexts: dict[str, str], *, kind: str = "docker", created_by: str = "COPY . /") -> BasesFacts:
    """What is told of an image that was built so."""
    materials = []
    for name in (BUILDER, RUNTIME):
        path, _, tag = name.rpartition(":")
        uri = f"pkg:{kind}/{quote(path, safe='/')}@{tag}?digest={digest(name)}&platform=linux%2Farm64"
        materials.append({"uri": uri, "digest": {"sha256": digest(name).hex}})
    built = ImageBuilder().layer({"a": b""}, created_by)
    statement: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "_", "digest": {"sha256": built.descriptor["digest"].removeprefix("sha256:")}}],
        "predicate": {
            "materials": materials,
            "invocation": {"parameters": {"args": {**contexts, "build-arg:VERSION": "1.0.0"}}},
        },
    }
    built.attestations.append(statement)
    with open_built(built, folder) as image:
        return bases_of(image)


BY_TAG = {name: source.partition("@")[0] for name, source in PINNED.items()}


@pytest.mark.parametrize("contexts", [{}, BY_TAG, PINNED], ids=["as-written", "by-tag", "by-digest"])
def test_bases_from_their_own_registry_are_upstream(contexts: dict[str, str], tmp_path: Path) -> None:
    assert told(tmp_path, contexts) == BasesFacts(
        BaseUse.UPSTREAM, (BaseImage(BUILDER, digest(BUILDER)), BaseImage(RUNTIME, digest(RUNTIME)))
    )


@pytest.mark.parametrize(
    "source",
    [
        f"oci-layout://uc5p7a6eng:latest@{digest(BUILDER)}",
        f"docker-image://mirror.example/{BUILDER}@{digest(BUILDER)}",
        f"docker-image://python:3.12@{digest(BUILDER)}",
        "/a/folder",
    ],
)
def test_a_base_from_elsewhere_is_a_stand_in(source: str, tmp_path: Path) -> None:
    facts = told(tmp_path, {**PINNED, f"context:{BUILDER}": source})

    assert facts.use is BaseUse.STAND_IN
    assert facts.reason == f"the build replaced {BUILDER}"


@pytest.mark.parametrize("named", [None, [], {"sha256": "0"}, {"sha256": 3}, {"sha512": "0"}])
def test_a_base_whose_digest_is_none_has_none(named: object, tmp_path: Path) -> None:
    material = {"uri": "pkg:docker/a@1?platform=linux%2Farm64", "digest": named}
    statement = {"predicateType": "https://slsa.dev/provenance/v0.2", "predicate": {"materials": [material]}}
    built = ImageBuilder().layer({"a": b""})
    built.attestations.append({"_type": "https://in-toto.io/Statement/v0.1", "subject": [], **statement})

    with open_built(built, tmp_path) as image:
        assert bases_of(image) == BasesFacts(BaseUse.UPSTREAM, (BaseImage("a:1", None),))


def test_a_stand_in_that_says_so_is_one_whatever_the_provenance_says(tmp_path: Path) -> None:
    facts = told(tmp_path, PINNED, created_by="stand-in for gcr.io/distroless/python3-debian12")

    assert facts.use is BaseUse.STAND_IN


def test_without_provenance_nothing_is_known(tmp_path: Path) -> None:
    with open_built(ImageBuilder().layer({"a": b""}), tmp_path) as image:
        assert bases_of(image).use is BaseUse.UNKNOWN


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("python", "python:latest"),
        ("docker.io/library/python:3.11", "python:3.11"),
        ("127.0.0.1:5000/base", "127.0.0.1:5000/base:latest"),
        (RUNTIME, RUNTIME),
    ],
)
def test_one_image_has_one_name(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical
