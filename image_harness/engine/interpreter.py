"""What the image's own interpreter says about itself and its packages, asked for in one go: starting it is slow.

Under emulation an interpreter takes seconds to import what an image holds. So it is started once, in a container of its
own, imports the packages, and answers each question from a fork of that state: as fresh as a process can be that has
not to import them again. In the end it can become a service itself, as the container's first process, which then has
not to import them either.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from image_harness.engine.errors import ContainerDied, EngineError
from image_harness.engine.logs import marked
from image_harness.engine.options import RunOptions
from image_harness.types import HealthCheck

if TYPE_CHECKING:
    from image_harness.engine.container import Container
    from image_harness.engine.engine import Engine

_PROGRAM = """
import importlib, json, os, platform, signal, socket, struct, sys, time, traceback

asked = json.loads(sys.argv[1])
imports = {}
for name in asked["modules"]:
    try:
        imports[name] = {"file": getattr(importlib.import_module(name), "__file__", None), "error": None}
    except BaseException as error:
        imports[name] = {"file": None, "error": f"{type(error).__name__}: {error}"}
facts = {
    "version": platform.python_version(), "machine": platform.machine(), "uid": os.getuid(), "gid": os.getgid(),
    "working_directory": os.getcwd(), "encoding": sys.getfilesystemencoding(), "search_path": sys.path,
    "environment": dict(os.environ), "imports": imports,
}

def run(question):
    for name in question["unset"]:
        os.environ.pop(name, None)
    os.environ.update(question["environment"])
    sys.argv = ["-c", *question["arguments"]]
    try:
        exec(compile(question["code"], "<string>", "exec"), {"__name__": "__main__"})
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 255
        print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1

def content(file):
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "rb") as stream:
        return stream.read().decode(errors="replace")

def listening():
    found = set()
    for table, family in ("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6):
        try:
            with open("/proc/self/net/" + table) as lines:
                rows = [line.split() for line in lines][1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for address, _, port in (row[1].partition(":") for row in rows if row[3] == "0A"):
            words = [int(address[at:at + 8], 16) for at in range(0, len(address), 8)]
            found.add((socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)), int(port, 16)))
    return found

def serves(address, port):
    for host in {"0.0.0.0": ["127.0.0.1"], "::": ["::1", "127.0.0.1"]}.get(address, [address]):
        try:
            with socket.create_connection((host, port), 1) as asking:
                asking.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                return asking.recv(1) != b""
        except OSError:
            pass
    return False

def end(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        while True:  # the first process of a container is the parent of all that were left
            os.waitpid(-group, 0)
    except ChildProcessError:
        pass

def ended(child, limit):
    deadline, look = time.monotonic() + limit, time.monotonic()
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            end(child)
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code, []
        sockets = set()
        if time.monotonic() > look:
            sockets = listening()
            look = time.monotonic() + 0.5
        came_up = any(serves(*found) for found in sockets)
        if came_up or time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            end(child)
            return None, sorted({port for _, port in sockets}) if came_up else []
        time.sleep(0.02)

def answer(question):
    written = os.memfd_create("stdout"), os.memfd_create("stderr")
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(written[0], 1)
        os.dup2(written[1], 2)
        code = run(question)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    code, serving = ended(child, question["limit"])
    return {"exit_code": code, "stdout": content(written[0]), "stderr": content(written[1]), "serving": serving}

facts["replies"] = [answer(question) for question in asked["questions"]]
print("\\n" + asked["mark"] + json.dumps(facts), flush=True)
if asked["becomes"]:
    sys.exit(run(asked["becomes"]))
"""
# Becomes what a command starts, without importing anew what has been imported where that is the interpreter itself.
_START = """
import os, runpy, socket, sys
port, interpreter, *command = sys.argv[1:]
if port:
    taken = socket.socket()
    # To listen there is not needed: a probe that only connects would take it for the service.
    taken.bind(("0.0.0.0", int(port)))
    taken.set_inheritable(True)
if command[0] == interpreter and len(command) > 1 and not command[1].startswith("-"):
    sys.argv = command[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(command[1]))
    runpy.run_path(command[1], run_name="__main__")
else:
    os.execv(command[0], command)
"""
_LIMIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Question:
    """A program for the image's interpreter.

    Attributes:
        code: Its text.
        arguments: What it finds in ``sys.argv[1:]``.
        environment: Variables that it finds beside those of the image.
        unset: Variables of the image that it does not find.
        limit: How long it may run.
    """

    code: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()
    limit: timedelta = _LIMIT

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        interpreter: str,
        limit: timedelta,
        environment: Mapping[str, str] | None = None,
        unset: tuple[str, ...] = (),
        taken_port: int | None = None,
    ) -> Question:
        """A start of a command, such as the image's own, that ends of itself or comes to answer requests.

        Once it answers any, wherever it listens, it is not waited for any longer.

        Args:
            command: Its argv.
            interpreter: The image's Python; a command that begins with it and a script is run by the fork itself.
            limit: How long it may run.
            environment: Variables to start it with.
            unset: Variables of the image to start it without.
            taken_port: A port that somebody else has by then.
        """
        port = "" if taken_port is None else str(taken_port)
        return cls(
            code=_START,
            arguments=(port, interpreter, *command),
            environment=tuple((environment or {}).items()),
            unset=unset,
            limit=limit,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a question's program came to.

    Attributes:
        exit_code: What it ended with, 128 + n for signal n; None when it did not end: its time
            was up, or it served requests.
        stdout: What it wrote there, undecodable bytes replaced.
        stderr: The same for standard error.
        serving: The ports that it listened on when it answered a request on one of them; none when it answered none.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    serving: tuple[int, ...] = ()

    @property
    def logs(self) -> str:
        """All that it wrote."""
        return self.stdout + self.stderr

    def json(self) -> Mapping[str, Any]:
        """The JSON object that it printed last.

        Raises:
            EngineError: It printed something else.
        """
        try:
            return dict(json.loads(self.stdout.rstrip().rpartition("\n")[2]))
        except (ValueError, TypeError):
            raise EngineError(f"no JSON from the interpreter: {(self.stderr or self.stdout)[-400:]}") from None


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of importing a module: the file that it was loaded from, or why it could not be."""

    file: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class InterpreterFacts:
    """An interpreter as the first process of a container sees it.

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
        replies: To each question, in order.
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
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What the image's interpreter is asked for.

    Attributes:
        modules: What it imports before anything else.
        questions: What it runs after that, each in a fork.
        interpreter: The image's Python.
        limit: How long the imports may take; each question has a limit of its own.
        becomes: What it becomes when it has answered; of the limit nobody takes notice. None for nothing: it ends.
        flags: Options of the interpreter's own, ``-I`` for instance.
    """

    modules: tuple[str, ...]
    questions: tuple[Question, ...] = ()
    interpreter: str = "/usr/bin/python3.11"
    limit: timedelta = _LIMIT
    becomes: Question | None = None
    flags: tuple[str, ...] = ()


def interpreter_facts(
    engine: Engine, image: str, inquiry: Inquiry, options: RunOptions | None = None
) -> InterpreterFacts:
    """Import modules, collect facts and answer questions, in one container that runs nothing else.

    Args:
        engine: Where it runs.
        image: The image, as the engine knows it.
        inquiry: What to import and to answer.
        options: How the container runs, but for its command, its network and its health check.

    Raises:
        EngineError: The interpreter could not be started, or did not get to the end.
    """
    alone = replace(options or RunOptions(), network="none", health_check=HealthCheck.none())
    with asked_interpreter(engine, image, inquiry, alone) as (_, facts):
        return facts


@contextlib.contextmanager
def asked_interpreter(
    engine: Engine, image: str, inquiry: Inquiry, options: RunOptions
) -> Iterator[tuple[Container, InterpreterFacts]]:
    """A container whose interpreter has answered, and is about to become what the inquiry says, and its answers.

    Args:
        engine: Where it runs.
        image: The image, as the engine knows it.
        inquiry: What to import and to answer.
        options: How the container runs, but for its command.

    Raises:
        EngineError: The interpreter could not be started, or did not get to the end.
    """
    mark = f"{uuid.uuid4().hex} "
    command = (*inquiry.flags, "-c", _PROGRAM, _asked(inquiry, mark))
    with engine.run(image, replace(options, entrypoint=(inquiry.interpreter,), command=command)) as container:

        def look() -> str | None:
            return marked(container.logs(), mark)

        limit = sum((question.limit for question in inquiry.questions), inquiry.limit)
        try:
            found = container.wait_until(look, limit, lambda: f"the answers of {inquiry.interpreter}")
        except ContainerDied:
            # It may have answered between the last look and its end.
            found = look() or ""
            if not found:
                raise
        yield container, parse_interpreter_facts(found)


def _asked(inquiry: Inquiry, mark: str) -> str:
    return json.dumps(
        {
            "mark": mark,
            "modules": inquiry.modules,
            "questions": [_as_told(question) for question in inquiry.questions],
            "becomes": None if inquiry.becomes is None else _as_told(inquiry.becomes),
        }
    )


def _as_told(question: Question) -> Mapping[str, Any]:
    return {
        "code": question.code,
        "arguments": question.arguments,
        "environment": dict(question.environment),
        "unset": question.unset,
        "limit": question.limit.total_seconds(),
    }


def parse_interpreter_facts(output: str) -> InterpreterFacts:
    """Read what the program printed.

    Raises:
        EngineError: It is something else.
    """
    try:
        document = json.loads(output)
        imports = {name: ImportResult(**found) for name, found in document.pop("imports").items()}
        path = tuple(document.pop("search_path"))
        replies = tuple(Reply(serving=tuple(one.pop("serving")), **one) for one in document.pop("replies"))
        return InterpreterFacts(search_path=path, imports=imports, replies=replies, **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"the interpreter gave no facts: {output[-200:]!r}") from error
