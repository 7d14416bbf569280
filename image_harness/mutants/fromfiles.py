"""A sample of the static mutants from files: real layouts, real Dockerfiles, a run of pytest for each."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from image_harness.mutants import disk
from image_harness.mutants.draft import Draft
from image_harness.mutants.folders import own_folder
from image_harness.mutants.good import Good
from image_harness.mutants.loop import copy_sources
from image_harness.mutants.model import Mutant, Sighting, sighting_of
from image_harness.mutants.processes import failed, started, wait
from image_harness.mutants.static import SELECTION
from image_harness.report import load_report

_NAME = "image-harness-mutant:files"
_NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "tests", "docs", "benchmarks")


def sample(mutants: Iterable[Mutant], every: int) -> tuple[Mutant, ...]:
    """Return the mutants that must be checked from files, and one of so many of the others."""
    everything = list(mutants)
    rest = [mutant for mutant in everything if not mutant.real]
    return tuple(mutant for mutant in everything if mutant.real) + tuple(rest[:: max(1, every)])


def sightings(
    good: Good, mutants: Sequence[Mutant], *, at_once: int, bytecode: Path, progress: Callable[[], None]
) -> dict[str, Sighting]:
    """Check each mutant by a run of its own.

    Args:
        good: What the mutants are derived from.
        mutants: The mutants.
        at_once: How many are checked at the same time.
        bytecode: Where runs keep compiled checks.
        progress: Told of each that is done.

    Raises:
        HarnessError: A run did not come to a report.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="mutant") as threads:
        look = functools.partial(_look, good, bytecode, progress)
        return dict(zip([m.id for m in mutants], threads.map(look, mutants), strict=True))


def _look(good: Good, bytecode: Path, progress: Callable[[], None], mutant: Mutant) -> Sighting:
    with own_folder() as folder:
        draft = Draft(good)
        mutant.change(draft)
        sighting = look(draft, folder, bytecode, mutant.spoil)
    progress()
    return sighting


def look(draft: Draft, folder: Path, bytecode: Path, spoil: Callable[[Path], None] | None = None) -> Sighting:
    """Write a draft and everything that belongs to it into a folder, spoil the layout if need be, and check it.

    Args:
        draft: The mutant.
        folder: The folder.
        bytecode: Where runs keep compiled checks.
        spoil: Spoils a layout.

    Raises:
        HarnessError: The run did not come to a report.
    """
    subject = draft.good.subject
    root = subject.root
    reference = disk.write(draft, folder / "image", _NAME)
    if spoil is not None:
        spoil(folder / "image")
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(draft.dockerfile)
    if draft.sources:
        root = folder / "root"
        shutil.copytree(subject.root, root, ignore=_NOT_COPIED)
        shutil.rmtree(root / draft.good.design.application.sources)
        copy_sources(draft, root)
    checks = root / subject.checks.relative_to(subject.root)
    arguments = [str(checks), "--image", reference, "--dockerfile", str(dockerfile), "-m", SELECTION, "-q"]
    return report(arguments, root=root, folder=folder, bytecode=bytecode, gives_way=True)


def report(arguments: Sequence[str], *, root: Path, folder: Path, bytecode: Path, gives_way: bool = False) -> Sighting:
    """Run the checks and read the report that they write; the arguments are those of ``processes.started``.

    Raises:
        HarnessError: There is none.
    """
    path = folder / "report"
    arguments = [*arguments, "--report", str(path)]
    with started(arguments, root=root, log=folder / "log", bytecode=bytecode, gives_way=gives_way) as run:
        wait([run])
    if not (path / "report.json").exists():
        if run.process.returncode == 4:  # the image was refused, in one line
            return Sighting(refused=run.tail().strip().rpartition("\n")[2])
        raise failed(run, "a run of the checks")
    found = load_report(path / "report.json")
    return sighting_of(found, found.run.duration.total_seconds())
