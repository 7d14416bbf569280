"""A build from its bases to its record."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor_build.bake import Bake, Exported, Progress
from monitor_build.bases import (
    Bases,
    BasesChoice,
    ask_registries,
    choose_bases,
    recipes_here,
    search_path,
)
from monitor_build.classic_store import loaded
from monitor_build.docker_client import DockerClient, Engine, find_client
from monitor_build.errors import BuildError
from monitor_build.generation import TODAY, Generation, write_dockerfile
from monitor_build.lock import Lock, Pin, StandInRecord, read_lock, write_lock
from monitor_build.outputs import Output, replacing
from monitor_build.process import Echo
from monitor_build.recipe import Recipe
from monitor_build.record import Inputs, Record
from monitor_build.source import DOCKERFILE, BuildArguments, Source, inputs_hash, rfc3339
from monitor_build.stand_in import Say, StandInStore, exclusive

STATE = ".build"
"""Under the repository's root: stand-ins, logs and the record. Nothing in it is part of the source."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants built.

    Args:
        root: The repository's top folder.
        generation: Which bases, under which names.
        reference: The image's name.
        arguments: The build arguments.
        bases: What to stand on.
        unpinned: Whether to build on what the bases' tags mean today, whatever bases.lock pins.
        anew: Make stand-ins even where there are some.
        outputs: Where the image goes.
        use_cache: Whether steps that were built before may be used again.
        cache: A folder that build steps are read from and written to.
        progress: How the build is shown.
    """

    root: Path
    generation: Generation
    reference: str
    arguments: BuildArguments
    bases: BasesChoice
    unpinned: bool
    anew: bool
    outputs: tuple[Output, ...]
    use_cache: bool
    cache: Path | None
    progress: Progress

    @property
    def state(self) -> Path:
        """Where the build keeps what it needs again."""
        return self.root / STATE


def inputs_of(root: Path, arguments: BuildArguments, generation: Generation = TODAY) -> Inputs:
    """What a build would be made from now."""
    source = Source(root)
    files = source.fingerprints()
    named = dict(arguments.as_mapping())
    if generation != TODAY:
        named["GENERATION"] = generation.name
    return Inputs(inputs_hash(files, named), source.is_dirty(), files, named)


def build(wish: Wish, *, say: Say, echo: Echo) -> Record:
    """Builds the image.

    Args:
        wish: What is wanted.
        say: Told each thing that is decided.
        echo: Told each line of the tools' own output.

    Raises:
        BuildError: It cannot be built.
        Interrupted: It was stopped.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    client = find_client(search_path(os.environ), with_buildx=True)
    engine = client.engine()
    _check_store(wish, engine, say)
    inputs = inputs_of(wish.root, wish.arguments, wish.generation)
    with exclusive(wish.state / "lock", say):
        bases = _bases(wish, client, say, echo)
        if not engine.containerd_store:
            bases = loaded(bases, client, say)
        exported, engine_id = _bake(wish, client, engine, bases, echo)
    return Record(
        wish.reference,
        engine_id,
        exported,
        bases,
        inputs,
        client,
        engine,
        tuple(map(str, wish.outputs)),
        engine.containerd_store,
        started,
        timedelta(seconds=time.monotonic() - clock),
    )


def _bases(wish: Wish, client: DockerClient, say: Say, echo: Echo) -> Bases:
    lock = read_lock(wish.root / "buildx" / "bases.lock")
    pins = Lock() if wish.unpinned else lock
    upstream = {} if wish.bases is BasesChoice.STAND_IN else ask_registries(client, pins, wish.generation)
    out_of_reach = not upstream or any(isinstance(found, BuildError) for found in upstream.values())
    # A machine that can do without stand-ins needs no apt.
    needs_recipes = wish.bases is not BasesChoice.UPSTREAM and out_of_reach
    recipes = _recipes(wish, echo) if needs_recipes else {}
    store = StandInStore(wish.state / "bases", say)
    bases = choose_bases(
        wish.bases,
        upstream=upstream,
        recipes=recipes,
        store=store,
        anew=wish.anew,
        say=say,
        generation=wish.generation,
    )
    for base in (bases.builder, bases.runtime):
        say(str(base))
    _compare(lock, bases, recipes, say)
    return bases


def _recipes(wish: Wish, echo: Echo) -> Mapping[str, Recipe]:
    log = wish.state / "bases.log"

    def keep(line: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        if wish.progress is not Progress.QUIET:
            echo(line)

    log.unlink(missing_ok=True)
    return recipes_here(wish.root / "buildx" / "bases", os.environ, keep, wish.generation)


def _compare(lock: Lock, bases: Bases, recipes: Mapping[str, Recipe], say: Say) -> None:
    """Tells what of the stand-ins is not what the lock file has on record."""
    for base in (bases.builder, bases.runtime):
        if base.recipe is None:
            continue
        name = recipes[base.name].name
        record = lock.stand_ins.get(name)
        if record is None:
            say(f"{name} is not on record in bases.lock")
            continue
        names = {*record.packages, *base.packages}
        other = sorted(package for package in names if record.packages.get(package) != base.packages.get(package))
        if other:
            say(f"{name}: {len(other)} of {len(names)} packages are not the versions in bases.lock ({other[0]} ...)")


def _bake(wish: Wish, client: DockerClient, engine: Engine, bases: Bases, echo: Echo) -> tuple[Exported, str | None]:
    bake = Bake(client, wish.root, wish.state / "build.log", wish.progress, wish.use_cache, echo)
    variables = _variables(wish, engine, bases)
    exported = Exported(None, None, None)
    engine_id = None
    # The engine last: its tag then means that every other output is there as well.
    for output in sorted(wish.outputs, key=lambda output: output.archive is None):
        if output.archive:
            with replacing(output.archive) as aside:
                exported = bake.run("archive", variables | {"ARCHIVE": str(aside.resolve())})
        else:
            exported = bake.run("engine", variables)
            engine_id = client.image_id(wish.reference)
    return exported, engine_id


def _check_store(wish: Wish, engine: Engine, say: Say) -> None:
    """Says, and refuses, what an engine with the classic image store cannot do."""
    if engine.containerd_store:
        return
    fix = 'set {"features": {"containerd-snapshotter": true}} in its daemon.json'
    archives = [str(output) for output in wish.outputs if output.archive]
    if archives or wish.cache:
        where = archives[0] if archives else f"--cache {wish.cache}"
        raise BuildError("the engine keeps images in its classic store, which cannot write this", where=where, fix=fix)
    say(f"The engine keeps images in its classic store: built without a provenance attestation; to have one, {fix}")


def _variables(wish: Wish, engine: Engine, bases: Bases) -> dict[str, str]:
    return {
        "TAG": wish.reference,
        "DOCKERFILE": str(write_dockerfile(wish.root / DOCKERFILE, wish.generation, wish.state)),
        "BUILDER": _context_name(wish.generation.builder),
        "RUNTIME": _context_name(wish.generation.runtime),
        **wish.arguments.as_mapping(),
        "BUILDER_BASE": bases.builder.context,
        "RUNTIME_BASE": bases.runtime.context,
        "CACHE": str(wish.cache.resolve()) if wish.cache else "",
        "PROVENANCE": "mode=max" if engine.containerd_store else "",
        # The image's date and its label say the same.
        "SOURCE_DATE_EPOCH": str(int(wish.arguments.date.timestamp())),
    }


def _context_name(base: str) -> str:
    """BuildKit looks for `IMAGE:latest` under the name without the tag."""
    return base.removesuffix(":latest")


def pin(wish: Wish, *, say: Say, echo: Echo) -> None:
    """Looks up both upstream digests and what the stand-ins hold, and writes bases.lock.

    What cannot be looked up stays as it is on record.

    Raises:
        BuildError: There is no client with buildx, or the file that is there cannot be read.
    """
    file = wish.root / "buildx" / "bases.lock"
    lock = read_lock(file) if file.exists() else Lock()
    client = find_client(search_path(os.environ), with_buildx=True)
    upstream = dict(lock.upstream)
    # Without the pins: a pinned image would be asked for by the digest that is to be renewed.
    for name, found in ask_registries(client, Lock(), wish.generation).items():
        if isinstance(found, BuildError):
            say(f"{name} cannot be looked up ({found.what}): left as it is")
            upstream.setdefault(name, None)
        else:
            upstream[name] = Pin(found.digest, rfc3339(datetime.now(UTC)))
            say(f"{name} is {found.digest}")
    stand_ins = dict(lock.stand_ins)
    store = StandInStore(wish.state / "bases", say)
    for recipe in _recipes(wish, echo).values():
        stand_in = store.find(recipe)
        if stand_in is None:
            say(f"{recipe.name} has not been put together here: left as it is")
        else:
            stand_ins[recipe.name] = StandInRecord(stand_in.recipe, stand_in.packages)
            say(f"{recipe.name} holds {len(stand_in.packages)} packages")
    write_lock(file, Lock(upstream, stand_ins))
