"""Runs every tool on the good image and on defective ones, and writes what came of it."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.layouts import REFERENCE
from benchmarks.peers import harness, stock_testinfra, structure_test
from benchmarks.peers.assertions import assertions, structure
from benchmarks.peers.document import to_json
from benchmarks.peers.goss import Goss
from benchmarks.peers.measuring import Stopwatch
from benchmarks.peers.model import Answer, Assertion, Comparison, Cost, Outcome, Row, Run, Runner, Tool
from benchmarks.peers.picture import svg
from benchmarks.peers.table import markdown, summary
from image_harness.design import Design
from image_harness.engine import Engine, RunOptions
from image_harness.engine.toolbox.host import inspect
from image_harness.image import ImageReference
from image_harness.image.bytecode import bytecode_archive
from image_harness.mutants.draft import Draft
from image_harness.mutants.good import Good, open_good
from image_harness.mutants.load import load_mutants, load_subject
from image_harness.mutants.runtime import loaded

ROOT = Path(__file__).resolve().parents[2]
_ROUNDS = 3
_PROPERTIES = 200
_AT_ONCE = 2
_IMPORTS_LIMIT = timedelta(minutes=2)
_FILES = ("peers.json", "peers.md", "peers.svg")


@dataclass(frozen=True, slots=True)
class _Bench:
    """The tools, and folders for their runs."""

    runners: Mapping[Tool, Runner]
    folder: Path

    def run(self, tool: Tool, image: str, asked: tuple[Assertion, ...]) -> Run:
        """Run a tool in a folder of its own."""
        with TemporaryDirectory(dir=self.folder) as folder:
            return self.runners[tool](image, asked, Path(folder))


def main(arguments: Sequence[str]) -> None:
    """Measure, write what was measured, and print it in short."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description="compare with other tools")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", metavar="DIR", help="where to (docs)")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, metavar="N", help="runs on the good image (3)")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    comparison = _compare(options.rounds)
    options.out.mkdir(parents=True, exist_ok=True)
    texts = (json.dumps(to_json(comparison), indent=1) + "\n", markdown(comparison), svg(comparison))
    for name, text in zip(_FILES, texts, strict=True):
        (options.out / name).write_text(text, encoding="utf-8")
    print(summary(comparison))


def _compare(rounds: int) -> Comparison:
    reference = ImageReference.parse(f"docker-daemon:{REFERENCE}")
    with (
        TemporaryDirectory(prefix="image-harness-peers-") as name,
        open_good(load_subject(ROOT), reference) as good,
    ):
        goss = Goss.fetch(good.design.image.platform.architecture, Path(name) / "goss")
        bench = _Bench(
            {
                Tool.STRUCTURE_TEST: structure_test.run,
                Tool.GOSS: goss.run,
                Tool.TESTINFRA: stock_testinfra.run,
                Tool.HARNESS: harness.run,
            },
            Path(name),
        )
        asked, checks = assertions(good.design), structure(good.design)
        runs = {tool: [bench.run(tool, REFERENCE, asked) for _ in _told(rounds, tool)] for tool in Tool}
        structures: dict[Tool, list[Run]] = {Tool.STRUCTURE_TEST: [], Tool.HARNESS: []}
        compiled = bytecode_archive(good.image.filesystem)
        imports: list[tuple[float, float]] = []
        for _ in _told(rounds, "21 checks"):
            for tool, found in structures.items():
                found.append(bench.run(tool, REFERENCE, checks))
            alone, helped = (_seconds(partial(_imports, good.design, files)) for files in (b"", compiled))
            imports.append((alone, helped))
        _require_all_passed(structures)
        seen, defects = _defects(bench, good, asked)
        return Comparison(
            machine=_machine(good.design),
            versions={
                Tool.STRUCTURE_TEST: structure_test.version(),
                Tool.GOSS: goss.version,
                Tool.TESTINFRA: stock_testinfra.version(),
                Tool.HARNESS: harness.version(),
            },
            rows=tuple(
                _row(
                    item, defects[item.mutant], {tool: found[0].answers for tool, found in runs.items()}, seen[item.id]
                )
                for item in asked
            ),
            costs={tool: _cost(found) for tool, found in runs.items()},
            structure_checks=len(checks),
            structure={tool: _cost(found) for tool, found in structures.items()},
            imports_seconds=tuple(alone for alone, _ in imports),
            helped_imports_seconds=tuple(helped for _, helped in imports),
            property_ms=_property(good.design) * 1000,
        )


def _told(rounds: int, *what: str) -> Iterator[int]:
    """Count rounds, and tell each."""
    for number in range(rounds):
        print(f"{', '.join(what)}: {number + 1} of {rounds}", flush=True)
        yield number


def _require_all_passed(structures: Mapping[Tool, Sequence[Run]]) -> None:
    """Speed means nothing where a check did not do its work."""
    for tool, runs in structures.items():
        for run in runs:
            for name, answer in run.answers.items():
                if answer.outcome is not Outcome.PASSED:
                    raise SystemExit(f"peers: {tool}: {name}: {answer.outcome}: {answer.message}")


def _defects(
    bench: _Bench, good: Good, asked: tuple[Assertion, ...]
) -> tuple[dict[str, dict[Tool, Answer]], dict[str, str]]:
    """Return, by assertion, what each tool says of the image that breaks it, and each mutant's defect in words."""
    mutants = {mutant.id: mutant for mutant in load_mutants(good)}
    missing = sorted({item.mutant for item in asked} - mutants.keys())
    if missing:
        raise SystemExit(f"peers: there is no mutant {missing[0]!r}")

    def look(item: Assertion) -> dict[Tool, Answer]:
        draft = Draft(good)
        mutants[item.mutant].change(draft)
        with TemporaryDirectory(dir=bench.folder) as folder, loaded(draft, "docker", Path(folder)) as image:
            print(f"{item.mutant}", flush=True)
            tools = [tool for tool in Tool if item.expression(tool)]
            return {tool: bench.run(tool, image, (item,)).answers[item.id] for tool in tools}

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = dict(zip([item.id for item in asked], threads.map(look, asked), strict=True))
    return found, {id_: mutant.what for id_, mutant in mutants.items()}


def _row(item: Assertion, defect: str, good: Mapping[Tool, Mapping[str, Answer]], bad: Mapping[Tool, Answer]) -> Row:
    expressions = {tool: found for tool in Tool if (found := item.expression(tool))}
    return Row(
        id=item.id,
        what=item.what,
        mutant=item.mutant,
        defect=defect,
        means={tool: found.means for tool, found in expressions.items()},
        why_not={tool: item.why_not(tool) for tool in Tool if tool not in expressions},
        good={tool: good[tool][item.id] for tool in expressions},
        bad={tool: bad[tool] for tool in expressions},
    )


def _cost(runs: Sequence[Run]) -> Cost:
    return Cost(tuple(run.seconds for run in runs), tuple(run.peak_mib for run in runs))


def _imports(design: Design, files: bytes) -> None:
    """Import the ten packages by one plain start of the image's interpreter."""
    names = ", ".join(package.slug for package in design.site_packages.packages)
    command = ("-c", f"import {names}")
    alone = RunOptions(entrypoint=(design.image.interpreter,), command=command, network="none", files=files)
    with Engine.connect("docker") as engine, engine.run(REFERENCE, alone) as container:
        code = container.wait_exit(_IMPORTS_LIMIT)
    if code != 0:
        raise SystemExit(f"peers: the packages do not import: exit code {code}")


def _property(design: Design) -> float:
    """Seconds that a property of ``host.file`` takes once the toolbox is warm, the median of many."""
    idle = RunOptions(entrypoint=(design.image.interpreter,), command=("-c", "import time; time.sleep(600)"))
    with (
        Engine.connect("docker") as engine,
        engine.run(REFERENCE, idle) as container,
        inspect(
            container, architecture=design.image.platform.architecture, interpreter=design.image.interpreter
        ) as host,
    ):
        _ = host.file("/etc/passwd").exists
        return median(_seconds(lambda: host.file("/etc/passwd").uid) for _ in range(_PROPERTIES))


def _seconds(work: Callable[[], object]) -> float:
    watch = Stopwatch()
    work()
    return watch.seconds


def _machine(design: Design) -> str:
    return f"{os.cpu_count()} processors, {platform.machine()}; the image is {design.image.platform}"
