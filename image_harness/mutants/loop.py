"""A pytest plugin that runs collected checks once per mutant, in one process, on images put together in memory.

Each check runs as always - fixtures, assertions, the harness's own judgement of what happened - only that what the
session looks at is another image, Dockerfile or source tree each time. Session fixtures end with each mutant.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from image_harness.dockerfile import parse_text
from image_harness.errors import HarnessError
from image_harness.image import ImageReference
from image_harness.mutants import memory
from image_harness.mutants.draft import Draft
from image_harness.mutants.folders import own_folder
from image_harness.mutants.good import Good, open_good
from image_harness.mutants.load import load_mutants
from image_harness.mutants.model import Mutant, Sighting, sighting_of
from image_harness.plugin.result import assemble
from image_harness.plugin.session import SESSION, HarnessSession
from image_harness.plugin.tracing import checks_of
from image_harness.plugin.verdicts import Recorder

GOOD = ""
"""The id under which the good image itself is reported, first."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the command tells its workers."""
    group = parser.getgroup("image-harness-mutants")
    group.addoption("--mutants-slice", default="0/1", help="I/N: every Nth mutant from the Ith on")
    group.addoption("--mutants-ids", help="a file that names the mutants, one per line")
    group.addoption("--mutants-out", help="the file that gets one line of JSON per mutant")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run all checks for each mutant."""
    config = session.config
    base: HarnessSession = config.stash[SESSION]
    first, step = map(int, config.getoption("--mutants-slice").split("/"))
    with open_good(base.subject, ImageReference.parse(config.getoption("--image"))) as good, _writer(config) as write:
        wanted = set(Path(config.getoption("--mutants-ids")).read_text().split("\n"))
        mutants = [mutant for mutant in load_mutants(good) if mutant.id in wanted]
        gc.freeze()  # what is there now stays; looking through it again for each mutant would cost a third of the time
        write(GOOD, _sight(session.items, base, Draft(good)))
        for mutant in mutants[first::step]:
            write(mutant.id, sight(session.items, base, good, mutant))
    return True


@contextmanager
def _writer(config: pytest.Config) -> Iterator[Callable[[str, Sighting], None]]:
    with Path(config.getoption("--mutants-out")).open("w", encoding="utf-8") as file:

        def write(id_: str, sighting: Sighting) -> None:
            print(json.dumps({"id": id_, **dataclasses.asdict(sighting)}), file=file, flush=True)

        yield write


def sight(items: Sequence[pytest.Item], base: HarnessSession, good: Good, mutant: Mutant) -> Sighting:
    """Make a mutant and run the checks on it; one that cannot be read is refused."""
    draft = Draft(good)
    mutant.change(draft)
    try:
        return _sight(items, base, draft)
    except HarnessError as error:
        return Sighting(refused=str(error))


def _sight(items: Sequence[pytest.Item], base: HarnessSession, draft: Draft) -> Sighting:
    begin = time.perf_counter()
    with ExitStack() as resources:
        session = mutated(base, draft, resources)
        recorder = Recorder()
        items[0].config.stash[SESSION] = session
        for item, following in zip(items, [*items[1:], None], strict=True):
            for check in checks_of(item):
                recorder.select(check.nodeid, check.ids)
            # Without an item to follow, the last one ends the session's fixtures too.
            for report in runtestprotocol(item, log=False, nextitem=following):
                recorder.add(report)
        made = assemble(session, recorder, started=datetime.now(UTC), seconds=0)
    return sighting_of(made, time.perf_counter() - begin)


def mutated(base: HarnessSession, draft: Draft, resources: ExitStack) -> HarnessSession:
    """Return a session that looks at a draft."""
    subject = base.subject
    if draft.sources:
        subject = dataclasses.replace(subject, root=_source_tree(draft, resources))
    session = HarnessSession(subject, base.options, base.selection, resources)
    made = vars(session)  # what the session would otherwise open when it is first asked
    made["design"] = base.design
    made["reference"] = base.reference
    made["image"] = resources.enter_context(memory.build(draft))
    made["dockerfile"] = parse_text(draft.dockerfile, subject.dockerfile or Path("Dockerfile"))
    return session


def _source_tree(draft: Draft, resources: ExitStack) -> Path:
    """Copy the sources that checks read, with the draft's own changes."""
    root = resources.enter_context(own_folder())
    copy_sources(draft, root)
    return root


def copy_sources(draft: Draft, root: Path) -> None:
    """Write the sources that checks read, with a draft's changes, into a folder."""
    good = draft.good
    sources = good.design.application.sources
    shutil.copytree(
        good.subject.root / sources, root / sources, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
    )
    requirements = root / good.design.requirements_file
    if not requirements.exists():
        requirements.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(good.subject.root / good.design.requirements_file, requirements)
    for path, content in draft.sources.items():
        target = root / path
        if content is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
