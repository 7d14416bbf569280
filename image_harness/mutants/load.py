"""Finds a repository's subject and its mutants."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

from image_harness.errors import HarnessError
from image_harness.introduction import subject_of
from image_harness.mutants.good import Good
from image_harness.mutants.model import Mutant
from image_harness.subject import Subject


def load_subject(root: Path) -> Subject:
    """Return the subject that a repository's conftest.py introduces.

    Raises:
        HarnessError: There is none, or it names no mutants.
    """
    subject = subject_of(root)
    if subject.mutants is None:
        raise HarnessError("the subject names no mutants", where=str(root), fix="give Subject(mutants=FOLDER)")
    return subject


def load_mutants(good: Good) -> tuple[Mutant, ...]:
    """Return every mutant of a repository, module by module.

    Raises:
        HarnessError: A module defines none, an id stands twice, or a mutant names an unknown requirement.
    """
    folder = good.subject.mutants
    if folder is None or not folder.is_dir():
        raise HarnessError("no such folder", where=str(folder), fix="name the folder of the mutants in the subject")
    if str(good.subject.root) not in sys.path:
        sys.path.insert(0, str(good.subject.root))  # the modules import from one another as the checks do
    found: dict[str, Mutant] = {}
    known = {requirement.id for requirement in good.design.catalogue}
    for path in sorted(folder.glob("[a-z]*.py")):
        make = getattr(_module(path, f"image_harness_mutants_{path.stem}"), "mutants", None)
        if make is None:
            raise HarnessError("defines no function mutants(good)", where=str(path), fix="write one, or move the file")
        for mutant in make(good):
            _check(mutant, found, known, path)
            found[mutant.id] = mutant
    return tuple(found.values())


def selected(mutants: Iterable[Mutant], patterns: Iterable[str]) -> tuple[Mutant, ...]:
    """Return the mutants whose id, or one of whose requirements, is one of the patterns; all where there are none.

    Raises:
        HarnessError: A pattern fits nothing.
    """
    everything = tuple(mutants)
    wanted = tuple(patterns)
    for pattern in wanted:
        if not any(_fits(mutant, pattern) for mutant in everything):
            raise HarnessError(f"no mutant and no requirement {pattern!r}", where="--only", fix="see --list")
    return tuple(m for m in everything if not wanted or any(_fits(m, pattern) for pattern in wanted))


def _fits(mutant: Mutant, pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in (mutant.id, *mutant.kills))


def _check(mutant: Mutant, found: dict[str, Mutant], known: set[str], path: Path) -> None:
    if mutant.id in found:
        raise HarnessError(f"the id {mutant.id!r} stands twice", where=str(path), fix="rename one")
    if not mutant.kills and not mutant.refusal:
        raise HarnessError(f"{mutant.id} names no requirement", where=str(path), fix="say what it breaks")
    unknown = sorted((mutant.expected | mutant.blinds) - known)
    if unknown:
        raise HarnessError(f"{mutant.id} names the unknown requirement {unknown[0]!r}", where=str(path))


def _module(path: Path, name: str) -> ModuleType:
    """Import a file under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise HarnessError("cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
