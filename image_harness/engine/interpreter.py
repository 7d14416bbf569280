"""What the image's own interpreter says about itself and its packages, asked for in one go: starting it is slow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from image_harness.engine.container import Container
from image_harness.engine.errors import EngineError

_PROGRAM = """
import importlib, json, os, platform, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = {"file": getattr(importlib.import_module(name), "__file__", None), "error": None}
    except BaseException as error:
        found[name] = {"file": None, "error": f"{type(error).__name__}: {error}"}
print("\\n" + json.dumps({
    "version": platform.python_version(), "machine": platform.machine(), "uid": os.getuid(), "gid": os.getgid(),
    "working_directory": os.getcwd(), "encoding": sys.getfilesystemencoding(), "search_path": sys.path,
    "environment": dict(os.environ), "imports": found,
}))
"""
_LIMIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of importing a module: the file that it was loaded from, or why it could not be."""

    file: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class InterpreterFacts:
    """An interpreter as a command started beside the service sees it.

    Attributes:
        version: Of the language, ``3.11.2`` for instance.
        machine: What it takes the machine for.
        uid: Its user id.
        gid: Its group id.
        working_directory: Where it was started.
        encoding: Of file names.
        search_path: ``sys.path``.
        environment: Its environment.
        imports: By module name, what came of importing it.
    """

    version: str
    machine: str
    uid: int
    gid: int
    working_directory: str
    encoding: str
    search_path: tuple[str, ...]
    environment: Mapping[str, str]
    imports: Mapping[str, ImportResult]


def interpreter_facts(
    container: Container, modules: Iterable[str], *, interpreter: str = "/usr/bin/python3.11", limit: timedelta = _LIMIT
) -> InterpreterFacts:
    """Import modules and collect facts, in one command.

    Raises:
        EngineError: The interpreter could not be started, or did not get to the end.
    """
    result = container.python(_PROGRAM, *modules, interpreter=interpreter, limit=limit)
    if result.exit_code != 0:
        raise EngineError(
            f"{interpreter} ended with exit code {result.exit_code}: {result.stderr.strip()[-400:]}",
            where=container.name,
        )
    return parse_interpreter_facts(result.stdout)


def parse_interpreter_facts(output: str) -> InterpreterFacts:
    """Read what the program printed; modules that print when imported do so before it.

    Raises:
        EngineError: It is something else.
    """
    try:
        document = json.loads(output.rstrip().rpartition("\n")[2])
        imports = {name: ImportResult(**found) for name, found in document.pop("imports").items()}
        path = tuple(document.pop("search_path"))
        return InterpreterFacts(search_path=path, imports=imports, **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"the interpreter gave no facts: {output[-200:]!r}") from error
