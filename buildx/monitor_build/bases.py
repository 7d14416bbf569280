"""The two images that the Dockerfile stands on: upstream's where a registry answers, stand-ins where none does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path

from monitor_build.apt import configured_sources, reachability_settings, sources_of_suite
from monitor_build.distroless import Distroless
from monitor_build.docker_client import DockerClient
from monitor_build.errors import BuildError
from monitor_build.generation import TODAY, Generation
from monitor_build.lock import Lock
from monitor_build.pip_config import config_files, read_pip_config
from monitor_build.process import Echo
from monitor_build.recipe import Recipe
from monitor_build.slim_python import SlimPython
from monitor_build.stand_in import Say, StandInStore

BUILDER = TODAY.builder
RUNTIME = TODAY.runtime

REGISTRY_LIMIT = timedelta(seconds=8)
"""How long a registry gets to say an image's digest before it counts as out of reach."""


class BasesChoice(Enum):
    """Which bases the user wants."""

    AUTO = "auto"
    UPSTREAM = "upstream"
    STAND_IN = "stand-in"


class BaseKind(Enum):
    """What a base is."""

    UPSTREAM = "upstream"
    STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True)
class Base:
    """An image that a stage of the Dockerfile starts from.

    Args:
        name: As the Dockerfile spells it.
        kind: The real thing, or what stands in for it.
        digest: Of upstream's index, or of the stand-in's manifest.
        context: The image as a build context of buildx.
        pinned: Whether `bases.lock` demands this digest.
        recipe: SHA-256 of a stand-in's recipe.
        packages: Versions of the Debian packages that a stand-in was put together from.
        layout: Where a stand-in lies.
    """

    name: str
    kind: BaseKind
    digest: str
    context: str
    pinned: bool = False
    recipe: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    layout: Path | None = None

    def __str__(self) -> str:
        how = {BaseKind.STAND_IN: "stand-in of Debian packages", BaseKind.UPSTREAM: "upstream"}[self.kind]
        pin = "" if self.kind is BaseKind.STAND_IN else ", pinned" if self.pinned else ", not pinned"
        return f"{self.name}: {how}{pin} ({self.digest[:19]})"


@dataclass(frozen=True, slots=True)
class Bases:
    """Both bases of a build."""

    builder: Base
    runtime: Base

    @property
    def kind(self) -> BaseKind:
        """Upstream only when both are."""
        kinds = {self.builder.kind, self.runtime.kind}
        return BaseKind.UPSTREAM if kinds == {BaseKind.UPSTREAM} else BaseKind.STAND_IN


def ask_registries(client: DockerClient, lock: Lock, generation: Generation = TODAY) -> dict[str, Base | BuildError]:
    """Asks for both upstream images at the same time; a pinned one is asked for by its digest.

    Returns:
        Each base, or why it cannot be had.
    """

    def ask(name: str) -> Base | BuildError:
        pin = lock.upstream.get(name)
        reference = f"{name}@{pin.digest}" if pin else name
        try:
            digest = client.upstream_digest(reference, limit=REGISTRY_LIMIT)
        except BuildError as problem:
            return problem
        return Base(name, BaseKind.UPSTREAM, digest, f"docker-image://{name}@{digest}", pinned=pin is not None)

    with ThreadPoolExecutor() as pool:
        names = (generation.builder, generation.runtime)
        return dict(zip(names, pool.map(ask, names), strict=True))


def choose_bases(
    choice: BasesChoice,
    *,
    upstream: Mapping[str, Base | BuildError],
    recipes: Mapping[str, Recipe],
    store: StandInStore,
    anew: bool,
    say: Say,
    generation: Generation = TODAY,
) -> Bases:
    """Decides on both bases, and makes the stand-ins that are needed.

    Args:
        choice: What the user wants.
        upstream: What the registries answered; not looked at when stand-ins are wanted.
        recipes: How stand-ins are made, by the name they stand in for.
        store: The stand-ins there are.
        anew: Make stand-ins even where there are some.
        say: Told why a stand-in is used.
        generation: Whose bases.

    Raises:
        BuildError: Upstream is wanted and out of reach, or a stand-in cannot be made.
    """

    def choose(name: str) -> Base:
        found = upstream.get(name)
        if isinstance(found, Base):
            return found
        if choice is BasesChoice.UPSTREAM:
            why = found.what if found else "nobody asked for it"
            fix = "make its registry reachable, or build with --bases stand-in"
            raise BuildError(f"cannot be had from its registry ({why})", where=name, fix=fix)
        if found:
            say(f"{name} cannot be had from its registry ({found.what})")
        made = store.get(recipes[name], anew=anew)
        return Base(
            name,
            BaseKind.STAND_IN,
            made.digest,
            made.context,
            recipe=made.recipe,
            packages=made.packages,
            layout=made.directory,
        )

    return Bases(choose(generation.builder), choose(generation.runtime))


def recipes_here(
    folder: Path, environment: Mapping[str, str], echo: Echo, generation: Generation = TODAY
) -> dict[str, Recipe]:
    """The recipes for both bases, as this machine's apt and pip let them be made.

    Args:
        folder: Where the recipes lie as data.
        environment: The environment variables.
        echo: Told each line of what takes long.
        generation: Whose bases.

    Raises:
        BuildError: apt on this machine knows no archive to make them from.
    """
    sources = tuple(sources_of_suite(configured_sources(Path("/etc/apt")), generation.suite))
    pip = read_pip_config(
        config_files(environment, Path(environment.get("HOME", "/root"))),
        environment,
        own_authorities=Path("/usr/local/share/ca-certificates"),
        system_bundle=Path("/etc/ssl/certs/ca-certificates.crt"),
    )
    recipes: Sequence[Recipe] = (
        SlimPython(
            folder / f"python-{generation.python}-slim-{generation.suite}.toml",
            sources,
            reachability_settings(),
            pip,
            echo,
        ),
        Distroless(folder / f"distroless-python3-{generation.name}.toml", sources),
    )
    return {recipe.stands_in_for: recipe for recipe in recipes}


def search_path(environment: Mapping[str, str]) -> str:
    """Where programs are looked for."""
    return environment.get("PATH") or os.defpath
