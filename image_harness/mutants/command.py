"""``image-harness mutants``: makes every mutant, has every check look at it, says which were killed."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from image_harness.design import load_design
from image_harness.engine import Engine
from image_harness.engine.client import resolve_url
from image_harness.engine.place import Place
from image_harness.errors import HarnessError
from image_harness.image import ImageReference, Transport
from image_harness.mutants import disk, fromfiles, loop, runtime, static
from image_harness.mutants.draft import Draft
from image_harness.mutants.folders import own_folder, remove_leftover_folders
from image_harness.mutants.good import Good, open_good
from image_harness.mutants.load import load_mutants, load_subject, selected
from image_harness.mutants.model import Kind, Mutant, Sighting, judge, refusal
from image_harness.mutants.results import Campaign, complaints, difference, to_json
from image_harness.mutants.tables import html, markdown
from image_harness.mutants.turns import Spare, in_turn
from image_harness.subject import Subject
from image_harness.types import Evidence

_MOST_COMPLAINTS = 40
_BYTECODE = "bytecode"


@dataclass
class _Progress:
    """Says on a terminal how far a run is; elsewhere one line per part."""

    quiet: bool
    terminal: bool = field(default_factory=sys.stderr.isatty)

    def show(self, text: str) -> None:
        """Replace the line."""
        if self.terminal and not self.quiet:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if not self.quiet:
            print(f"\r\033[K{text}" if self.terminal else text, file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> int:
    """Run the command; 0 when every mutant was killed.

    Raises:
        HarnessError: The good image is not good, or something could not be looked at.
    """
    if options.n < 1 or options.sample < 1:
        raise HarnessError("must be at least 1", where="-n, --sample")
    subject = load_subject(options.root.resolve())
    remove_leftover_folders()
    with _interruptible(), own_folder() as folder, _exported(subject, options, folder) as good:
        mutants = selected(load_mutants(good), options.only)
        mutants = tuple(m for m in mutants if options.kind in (None, m.kind.value))
        if not mutants:
            raise HarnessError(f"none of these mutants is of the kind {options.kind}", where="--only and --kind")
        if options.list:
            _list(mutants, as_json=options.json)
            return 0
        campaign = _campaign(good, mutants, options, folder)
    _write(campaign, options)
    return 0 if campaign.passed and _is_published(campaign, options.compare) else 1


def _is_published(campaign: Campaign, table: Path | None) -> bool:
    """Whether a table that was written before says what this run has found."""
    if table is None:
        return True
    try:
        expected = markdown(campaign).encode()
        with table.open("rb") as file:
            same = file.read(len(expected) + 1) == expected
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", where=str(table)) from None
    if not same:
        print(f"{table} differs from what this run has found; write it anew with --out", file=sys.stderr)
    return same


@contextmanager
def _exported(subject: Subject, options: argparse.Namespace, folder: Path) -> Iterator[Good]:
    """Read the good image once, and keep it as a layout for everybody else."""
    name = load_design(subject.design).image.reference if options.image is None else options.image
    reference = ImageReference.parse(name)
    host = resolve_url(options.engine) if reference.transport is Transport.DOCKER_DAEMON else None
    with open_good(subject, reference, docker_host=host) as good:
        disk.write(Draft(good), folder / "good", "image-harness-mutant:good")
        yield good


def _campaign(good: Good, mutants: Sequence[Mutant], options: argparse.Namespace, folder: Path) -> Campaign:
    progress, seconds = _Progress(options.quiet), dict[str, float]()
    by_kind = {kind: [mutant for mutant in mutants if mutant.kind is kind] for kind in Kind}
    batches = runtime.batches(by_kind[Kind.RUNTIME])
    found: dict[str, Sighting] = {}
    if by_kind[Kind.STATIC]:
        found, seconds["static"] = _static(good, by_kind[Kind.STATIC], options, folder, progress)
    sample = fromfiles.sample(by_kind[Kind.STATIC], options.sample)
    runs, seconds["runs"] = _runs(good, batches, [*sample, *by_kind[Kind.FORMAT]], options, folder, progress)
    results = [judge(mutant, found[mutant.id]) for mutant in by_kind[Kind.STATIC]]
    told = {mutant.id: difference(found[mutant.id], runs.files[mutant.id]) for mutant in sample}
    image = {item.id for item in good.design.catalogue if item.evidence is Evidence.IMAGE}
    results += [judge(mutant, refusal(runs.files[mutant.id], image)) for mutant in by_kind[Kind.FORMAT]]
    for name, batch in batches.items():
        seen = runs.containers[name]
        results += [judge(mutant, seen, [other for other in batch if other is not mutant]) for mutant in batch]
    return Campaign(
        design=good.design,
        image=str(good.image.manifest_digest or good.image.config_digest),
        results=tuple(results),
        complete=not options.only and options.kind is None,
        differences={id_: text for id_, text in told.items() if text},
        sampled=len(sample),
        seconds=seconds,
    )


def _static(
    good: Good, mutants: Sequence[Mutant], options: argparse.Namespace, folder: Path, progress: _Progress
) -> tuple[dict[str, Sighting], float]:
    begin = time.monotonic()
    found = static.sightings(
        good.subject,
        f"oci:{folder / 'good'}",
        mutants,
        processes=options.n,
        folder=folder,
        bytecode=folder / _BYTECODE,
        progress=lambda done: progress.show(f"static mutants: {done} of {len(mutants)}"),
    )
    unmutated = found[loop.GOOD]
    wrong = {**unmutated.not_met, **unmutated.unproven}
    if wrong:
        id_, reason = next(iter(wrong.items()))
        raise HarnessError(
            f"the good image is not good: {id_} ({reason}), and {len(wrong) - 1} more",
            where="mutants",
            fix="make the checks pass first",
        )
    seconds = time.monotonic() - begin
    progress.say(f"static mutants: {len(mutants)} in {seconds:.0f} s, {len(mutants) / seconds:.1f} a second")
    return found, seconds


@dataclass(frozen=True)
class _Runs:
    """What runs of their own have seen: of each batch's image in containers, and of each mutant from files."""

    containers: Mapping[str, Sighting]
    files: Mapping[str, Sighting]


def _runs(
    good: Good,
    batches: Mapping[str, list[Mutant]],
    from_files: Sequence[Mutant],
    options: argparse.Namespace,
    folder: Path,
    progress: _Progress,
) -> tuple[_Runs, float]:
    """Run what needs a run of its own; those from files give way to those with containers."""
    begin, done = time.monotonic(), iter(range(1, len(from_files) + 1))
    if batches:
        with Engine.connect(options.engine) as engine:
            engine.remove_leftovers()
            engine.remove_leftover_images()
    in_containers = runtime.jobs(
        good,
        batches,
        engine=options.engine,
        bytecode=folder / _BYTECODE,
        progress=lambda name: progress.say(f"runtime: {name}, {time.monotonic() - begin:.0f} s"),
    )
    seen, files = in_turn(
        list(in_containers.values()),
        # Each waits for a quarter of its time.
        at_once=options.n + 1,
        spare=_spare(batches, options.engine),
        beside=lambda: fromfiles.sightings(
            good,
            from_files,
            at_once=options.n,
            bytecode=folder / _BYTECODE,
            progress=lambda: progress.show(f"from files: {next(done)} of {len(from_files)}"),
        ),
    )
    seconds = time.monotonic() - begin
    progress.say(f"runs: {len(batches)} images, {len(from_files)} mutants from files in {seconds:.0f} s")
    return _Runs(dict(zip(in_containers, seen, strict=True)), files), seconds


def _spare(batches: Mapping[str, list[Mutant]], engine: str) -> Spare | None:
    """How busy this machine is tells nothing about containers that are elsewhere."""
    return Spare() if batches and Place.of(resolve_url(engine)).host is None else None


def _list(mutants: Sequence[Mutant], *, as_json: bool) -> None:
    if as_json:
        rows = [{"id": m.id, "what": m.what, "kind": m.kind.value, "kills": sorted(m.kills)} for m in mutants]
        print(json.dumps(rows, indent=1))
        return
    for mutant in mutants:
        print(f"{mutant.id:48} {mutant.kind:8} {', '.join(sorted(mutant.kills))}: {mutant.what}")
    print(f"{len(mutants)} mutants", file=sys.stderr)


def _write(campaign: Campaign, options: argparse.Namespace) -> None:
    document = json.dumps(to_json(campaign), indent=1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, text in {
            "mutants.md": markdown(campaign),
            "mutants.html": html(campaign),
            "mutants.json": f"{document}\n",
        }.items():
            (options.out / name).write_text(text, encoding="utf-8")
    if options.json:
        print(document)
        return
    lines = complaints(campaign)
    for line in lines[:_MOST_COMPLAINTS]:
        print(line)
    if len(lines) > _MOST_COMPLAINTS:
        print(f"and {len(lines) - _MOST_COMPLAINTS} more; --out DIR writes all of them")
    print(campaign.line)


@contextmanager
def _interruptible() -> Iterator[None]:
    """End on SIGTERM as on Ctrl-C, so that what is in the engine is given back."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
