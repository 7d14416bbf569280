from __future__ import annotations

from pathlib import Path

import pytest

from monitor_build.bases import BUILDER, RUNTIME, Base, BaseKind, BasesChoice, ask_registries, choose_bases
from monitor_build.docker_client import DockerClient
from monitor_build.errors import BuildError
from monitor_build.lock import Lock, Pin
from monitor_build.oci import Layout
from monitor_build.recipe import Made, Recipe
from monitor_build.stand_in import StandInStore

DIGEST = "sha256:" + "c" * 64
PINNED = "sha256:" + "d" * 64
OUT_OF_REACH = BuildError("no such host")


class Pretend(Recipe):
    """A recipe that takes no time."""

    def make(self, layout: Layout, workshop: Path) -> Made:
        del layout, workshop
        return Made("sha256:made", {"libc6": "2.36"})


def upstream(name: str) -> Base:
    return Base(name, BaseKind.UPSTREAM, DIGEST, f"docker-image://{name}@{DIGEST}")


def choose(
    tmp_path: Path, choice: BasesChoice, found: dict[str, Base | BuildError]
) -> tuple[BaseKind, BaseKind, BaseKind]:
    recipes: dict[str, Recipe] = {}
    for number, name in enumerate((BUILDER, RUNTIME)):
        file = tmp_path / f"{number}.toml"
        file.touch()
        recipes[name] = Pretend(file, stands_in_for=name)
    store = StandInStore(tmp_path / "bases", lambda _line: None)
    bases = choose_bases(choice, upstream=found, recipes=recipes, store=store, anew=False, say=lambda _line: None)
    return bases.builder.kind, bases.runtime.kind, bases.kind


def test_upstream_is_used_where_its_registries_answer(tmp_path: Path) -> None:
    found: dict[str, Base | BuildError] = {name: upstream(name) for name in (BUILDER, RUNTIME)}

    assert choose(tmp_path, BasesChoice.AUTO, found) == (BaseKind.UPSTREAM,) * 3


def test_one_stand_in_makes_it_a_build_on_stand_ins(tmp_path: Path) -> None:
    found: dict[str, Base | BuildError] = {BUILDER: upstream(BUILDER), RUNTIME: OUT_OF_REACH}

    assert choose(tmp_path, BasesChoice.AUTO, found) == (BaseKind.UPSTREAM, BaseKind.STAND_IN, BaseKind.STAND_IN)


def test_stand_ins_are_used_when_wanted(tmp_path: Path) -> None:
    assert choose(tmp_path, BasesChoice.STAND_IN, {}) == (BaseKind.STAND_IN,) * 3


def test_upstream_that_is_wanted_and_out_of_reach_is_told(tmp_path: Path) -> None:
    found: dict[str, Base | BuildError] = dict.fromkeys((BUILDER, RUNTIME), OUT_OF_REACH)

    with pytest.raises(BuildError) as told:
        choose(tmp_path, BasesChoice.UPSTREAM, found)

    assert str(told.value) == (
        "python:3.11-slim-bookworm: cannot be had from its registry (no such host);"
        " make its registry reachable, or build with --bases stand-in"
    )


def test_registries_are_asked_for_what_is_pinned(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\necho "Digest: {PINNED}"\n')
    program.chmod(0o755)
    lock = Lock({RUNTIME: Pin(PINNED, "2026-01-01T00:00:00Z")})

    found = ask_registries(DockerClient(program), lock)

    asked = (tmp_path / "asked").read_text().splitlines()
    assert sorted(line.split()[-1] for line in asked) == [f"{RUNTIME}@{PINNED}", BUILDER]
    runtime, builder = found[RUNTIME], found[BUILDER]
    assert isinstance(runtime, Base)
    assert isinstance(builder, Base)
    assert (runtime.pinned, builder.pinned) == (True, False)
    assert runtime.context == f"docker-image://{RUNTIME}@{PINNED}"


def test_registry_out_of_reach_is_an_answer_too(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'dial tcp: no such host' >&2\nexit 1\n")
    program.chmod(0o755)

    assert all(isinstance(found, BuildError) for found in ask_registries(DockerClient(program), Lock()).values())
