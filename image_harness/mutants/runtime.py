"""Runtime mutants: derived images loaded into the engine, several compatible defects in each, and run."""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from image_harness.engine import Engine
from image_harness.engine.client import connect, resolve_url, translated
from image_harness.engine.ownership import OWN_IMAGES, RunIdentity
from image_harness.errors import HarnessError
from image_harness.mutants import disk
from image_harness.mutants.draft import Draft
from image_harness.mutants.folders import own_folder
from image_harness.mutants.fromfiles import report
from image_harness.mutants.good import Good
from image_harness.mutants.model import Mutant, Sighting


def batches(mutants: Iterable[Mutant]) -> dict[str, list[Mutant]]:
    """Return the mutants that share an image, by the name of their batch; one without a batch is alone.

    Raises:
        HarnessError: A requirement would turn ``not-met`` through another mutant of the same image as well, so that
            nobody could tell which of the two was seen.
    """
    found: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        batch = found.setdefault(mutant.batch or mutant.id, [])
        for other in batch:
            both = (mutant.kills & (other.expected | other.blinds)) | (other.kills & (mutant.expected | mutant.blinds))
            if both:
                raise HarnessError(
                    f"both break {min(both)}",
                    where=f"{other.id} and {mutant.id}",
                    fix="put them into different batches",
                )
        batch.append(mutant)
    return found


def jobs(
    good: Good, mutants: Mapping[str, list[Mutant]], *, engine: str, bytecode: Path, progress: Callable[[str], None]
) -> dict[str, Callable[[], Sighting]]:
    """Return what runs the runtime checks on each batch's image, by the batch, in the order to start them in.

    A job raises HarnessError when the engine failed, or its run did not come to a report.

    Args:
        good: What the images are derived from.
        mutants: The batches; each takes up to three containers.
        engine: ``docker``, ``podman`` or a URL.
        bytecode: Where runs keep compiled checks.
        progress: Told each batch that is done.
    """
    look = functools.partial(_look, good, engine, bytecode, progress)
    return {batch[0]: functools.partial(look, batch) for batch in sorted(mutants.items(), key=_longest_first)}


def _longest_first(batch: tuple[str, list[Mutant]]) -> tuple[bool, bool, int]:
    """Rank a batch by how long its run may take, so that nobody waits for a single one at the end."""
    first = batch[1][0]
    return bool(first.checks), not first.patient, -len(batch[1])


def _look(
    good: Good, engine: str, bytecode: Path, progress: Callable[[str], None], batch: tuple[str, list[Mutant]]
) -> Sighting:
    name, mutants = batch
    draft = Draft(good)
    for mutant in mutants:
        mutant.change(draft)
    with own_folder() as folder, loaded(draft, engine, folder) as image:
        first = mutants[0]
        checks = [str(good.subject.checks / check) for check in first.checks or (".",)]
        arguments = [*checks, "--image", image, "--engine", engine, "-m", first.selection, "-q"]
        sighting = report(arguments, root=good.subject.root, folder=folder, bytecode=bytecode)
    progress(name)
    return sighting


@contextlib.contextmanager
def loaded(draft: Draft, engine: str, folder: Path) -> Iterator[str]:
    """Load a draft's image into an engine, and take it away at the end.

    Raises:
        EngineError: The engine refused.
    """
    image = f"{OWN_IMAGES}:{RunIdentity.current().tag(uuid.uuid4().hex[:12])}"
    archive = disk.archive(draft, folder, image)
    client, facts = connect(resolve_url(engine))
    try:
        with translated(facts.url), archive.open("rb") as data:
            for _ in client.load_image(data):  # type: ignore[no-untyped-call]
                pass
        archive.unlink()
        yield image
    except BaseException:
        # A run that was killed, as it did not end in time, has left its containers.
        with contextlib.suppress(HarnessError), Engine.connect(engine) as left_behind:
            left_behind.remove_leftovers()
        raise
    finally:
        with contextlib.suppress(Exception):
            client.remove_image(image, force=True)
        client.close()
