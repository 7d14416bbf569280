"""Whether an image's compiled modules are what its own interpreter makes of their sources.

Only an interpreter of the same version can tell, and what it reads may be hostile: so it is the image's, in a container
that runs nothing else. It starts without ``site`` and imports nothing of what it looks at: that could speak for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from image_harness.engine.errors import EngineError
from image_harness.engine.interpreter import Inquiry, Question, interpreter_facts
from image_harness.engine.options import RunOptions

if TYPE_CHECKING:
    from image_harness.engine.engine import Engine

#: Neither the environment nor ``site`` tells it where to look for modules: what is left is its standard library.
_ON_ITS_OWN = ("-I", "-S")
# Where two compilers of a version differ is which line an instruction is said to be of. No program is another for that.
_PROGRAM = """
import importlib.util, json, marshal, os, sys

def bare(code):
    inner = tuple(bare(one) if isinstance(one, type(code)) else one for one in code.co_consts)
    return code.replace(co_filename="", co_linetable=b"", co_consts=inner)

def made_of(path, where, optimization):
    with open(path, "rb") as file:
        text = file.read()
    return text, lambda: compile(text, where, "exec", dont_inherit=True, optimize=optimization)

def problem(path):
    try:
        source = importlib.util.source_from_cache(path)
        tag, _, optimization = os.path.basename(path).split(".", 1)[1].rpartition(".")[0].partition(".opt-")
        level = int(optimization or 0)
    except ValueError:
        return "has no source"
    if not os.path.isfile(source):
        return "has no source"
    with open(path, "rb") as file:
        data = file.read()
    flags, digest = int.from_bytes(data[4:8], "little"), data[8:16]
    if tag != sys.implementation.cache_tag or data[:4] != importlib.util.MAGIC_NUMBER:
        return "is for another interpreter"
    try:
        found = marshal.loads(data[16:])
        text, compiled = made_of(source, found.co_filename, level)
    except (EOFError, ValueError, TypeError, AttributeError, MemoryError) as error:
        return f"cannot be read: {type(error).__name__}: {error}"
    if flags and digest != importlib.util.source_hash(text):
        return "bears the hash of another source"
    try:
        wanted = compiled()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"has a source that cannot be compiled: {type(error).__name__}: {error}"
    # Version 2 of the format is the last one in which equal values are the same bytes.
    same = marshal.dumps(wanted) == data[16:] or marshal.dumps(bare(wanted), 2) == marshal.dumps(bare(found), 2)
    return None if same else "does something else than its source"

def unreadable(error):
    problems[error.filename] = f"cannot be read: {error.strerror}"

sources, compiled, problems = 0, 0, {}
for top, folders, names in os.walk(sys.argv[1], onerror=unreadable):
    if os.path.dirname(top) == top:
        folders[:] = sorted(set(folders) - {"dev", "proc", "sys"})
    sources += sum(name.endswith(".py") for name in names)
    for path in (os.path.join(top, name) for name in names if name.endswith(".pyc")):
        compiled += 1
        try:
            found = problem(path)
        except OSError as error:
            found = f"cannot be read: {error.strerror}"
        if found:
            problems[path] = found
print(json.dumps({"sources": sources, "compiled": compiled, "problems": problems}))
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an interpreter found when it compiled an image's modules anew.

    Attributes:
        sources: How many Python sources it found.
        compiled: How many compiled modules it found.
        problems: By path, what is wrong with a compiled module, or why a directory could not be looked into.
    """

    sources: int
    compiled: int
    problems: Mapping[str, str]


def compare_compiled(engine: Engine, image: str, interpreter: str, limit: timedelta) -> Comparison:
    """Have an image's interpreter compile the source of each compiled module, and compare.

    Args:
        engine: Where it runs.
        image: The image, as the engine knows it.
        interpreter: The image's Python.
        limit: How long it may take.

    Raises:
        EngineError: The interpreter could not be started, or did not get to the end.
    """
    question = Question(_PROGRAM, arguments=("/",), limit=limit)
    inquiry = Inquiry(modules=(), questions=(question,), interpreter=interpreter, flags=_ON_ITS_OWN)
    # What the image's own user may not read is compared, too; and it may not add what it compiles for itself.
    facts = interpreter_facts(engine, image, inquiry, RunOptions(user="0:0", read_only=True))
    return parse_comparison(facts.replies[0].json())


def parse_comparison(document: Mapping[str, object]) -> Comparison:
    """Read what the program printed.

    Raises:
        EngineError: It is something else.
    """
    match document:
        case {"sources": int(sources), "compiled": int(compiled), "problems": dict(problems)}:
            return Comparison(sources, compiled, problems)
        case _:
            raise EngineError(f"the interpreter has not compared anything: {str(dict(document))[:200]}")
