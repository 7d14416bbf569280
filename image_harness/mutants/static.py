"""All static mutants, on several processes that each evaluate a share of them in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from image_harness.mutants import loop
from image_harness.mutants.model import Mutant, Sighting
from image_harness.mutants.processes import failed, started, wait
from image_harness.subject import Subject

SELECTION = "source or image"


def sightings(
    subject: Subject,
    reference: str,
    mutants: Iterable[Mutant],
    *,
    processes: int,
    folder: Path,
    bytecode: Path,
    progress: Callable[[int], None],
) -> dict[str, Sighting]:
    """Evaluate every static check for each mutant; the good image itself comes under `loop.GOOD`.

    Args:
        subject: The repository.
        reference: The good image, on disk.
        mutants: The mutants.
        processes: How many processes share the work.
        folder: Where they write; it must exist.
        bytecode: Where runs keep compiled checks.
        progress: Told how many mutants have been evaluated.

    Raises:
        HarnessError: A process did not get through its share.
    """
    wanted = [mutant.id for mutant in mutants]
    if not wanted:
        return {}
    chosen = folder / "mutants.txt"
    chosen.write_text("\n".join(wanted))
    outputs = [folder / f"share-{number}.jsonl" for number in range(min(processes, len(wanted)))]
    with ExitStack() as running:
        runs = []
        for number, output in enumerate(outputs):
            output.touch()
            arguments = [str(subject.checks), "-p", loop.__name__, "--image", reference, "-m", SELECTION, "-q"]
            # The source lines around what fails take longer to find than to check, and nobody reads them.
            arguments += ["-p", "no:xdist", "-p", "no:logging", "-s", "--tb=native"]
            arguments += [f"--mutants-slice={number}/{len(outputs)}", f"--mutants-ids={chosen}"]
            arguments += [f"--mutants-out={output}"]
            log = folder / f"share-{number}.log"
            runs.append(running.enter_context(started(arguments, root=subject.root, log=log, bytecode=bytecode)))
        wait(runs, lambda: progress(sum(_count(output) for output in outputs)))
        found = {id_: sighting for output in outputs for id_, sighting in _read(output).items()}
        missing = set(wanted) - set(found)
        if missing:
            run = next((run for run in runs if _count(run.log.with_suffix(".jsonl")) == 0), runs[0])
            raise failed(run, f"the checks for {sorted(missing)[0]} and {len(missing) - 1} other mutants")
    return found


def _count(output: Path) -> int:
    return max(0, output.read_bytes().count(b"\n") - 1)


def _read(output: Path) -> Mapping[str, Sighting]:
    found = {}
    for line in output.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        id_ = values.pop("id")
        found[id_] = Sighting(**values)
    return found
