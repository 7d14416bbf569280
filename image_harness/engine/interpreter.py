"""What the image's own interpreter says about itself and its packages, asked for in one go: starting it is slow.

Under emulation an interpreter takes seconds to import what an image holds. So it is started once, in a container of its
own, imports the packages, and answers each question from a fork of that state: as fresh as a process can be that has
not to import them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from image_harness.engine.errors import EngineError
from image_harness.engine.options import RunOptions
from image_harness.types import HealthCheck

if TYPE_CHECKING:
    from image_harness.engine.engine import Engine

_PROGRAM = """
import importlib, json, os, platform, signal, socket, sys, time, traceback

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
    with open("/proc/self/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}

def serves(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as asking:
            asking.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            return asking.recv(1) != b""
    except OSError:
        return False

def ended(child, limit, taken):
    deadline, look = time.monotonic() + limit, time.monotonic()
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code, []
        ports = set()
        if time.monotonic() > look:
            ports = listening() - {taken}
            look = time.monotonic() + 0.5
        came_up = any(serves(port) for port in ports)
        if came_up or time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None, sorted(ports) if came_up else []
        time.sleep(0.02)

def answer(question):
    written = os.memfd_create("stdout"), os.memfd_create("stderr")
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.dup2(written[0], 1)
        os.dup2(written[1], 2)
        code = run(question)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    code, serving = ended(child, question["limit"], question["taken_port"])
    return {"exit_code": code, "stdout": content(written[0]), "stderr": content(written[1]), "serving": serving}

facts["replies"] = [answer(question) for question in asked["questions"]]
print("\\n" + json.dumps(facts))
"""
# Becomes what a command starts, without importing anew what has been imported where that is the interpreter itself.
_START = """
import os, runpy, socket, sys
port, interpreter, *command = sys.argv[1:]
if port:
    taken = socket.socket()
    taken.bind(("0.0.0.0", int(port)))
    taken.listen()
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
        limit: How long it may run.
        taken_port: A port that it finds taken.
    """

    code: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    limit: timedelta = _LIMIT
    taken_port: int | None = None

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        interpreter: str,
        limit: timedelta,
        environment: Mapping[str, str] | None = None,
        taken_port: int | None = None,
    ) -> Question:
        """A start of a command, such as the image's own, that ends of itself or comes to answer requests.

        Once it answers any on its loopback it is not waited for any longer.

        Args:
            command: Its argv.
            interpreter: The image's Python; a command that begins with it and a script is run by the fork itself.
            limit: How long it may run.
            environment: Variables to start it with.
            taken_port: A port that somebody else listens on by then.
        """
        port = "" if taken_port is None else str(taken_port)
        return cls(_START, (port, interpreter, *command), tuple((environment or {}).items()), limit, taken_port)


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


def interpreter_facts(
    engine: Engine,
    image: str,
    modules: Iterable[str],
    questions: Sequence[Question] = (),
    *,
    interpreter: str = "/usr/bin/python3.11",
    limit: timedelta = _LIMIT,
    files: bytes = b"",
    processor_share: int | None = None,
) -> InterpreterFacts:
    """Import modules, collect facts and answer questions, in one container that runs nothing else.

    Args:
        engine: Where it runs.
        image: The image, as the engine knows it.
        modules: What to import before anything else.
        questions: What to run after that, each in a fork.
        interpreter: The image's Python.
        limit: How long the imports may take; each question has a limit of its own.
        files: A tar archive to bring along, see ``RunOptions``.
        processor_share: See ``RunOptions``.

    Raises:
        EngineError: The interpreter could not be started, or did not get to the end.
    """
    options = RunOptions(
        entrypoint=(interpreter,),
        command=("-c", _PROGRAM, _asked(modules, questions)),
        network="none",
        health_check=HealthCheck.none(),
        files=files,
        processor_share=processor_share,
    )
    with engine.run(image, options) as container:
        exit_code = container.wait_exit(sum((question.limit for question in questions), limit))
        output = container.logs()
        if exit_code != 0:
            raise EngineError(f"{interpreter} ended with exit code {exit_code}: {output.strip()[-400:]}", where=image)
    return parse_interpreter_facts(output)


def _asked(modules: Iterable[str], questions: Iterable[Question]) -> str:
    return json.dumps(
        {
            "modules": list(modules),
            "questions": [
                {
                    "code": question.code,
                    "arguments": question.arguments,
                    "environment": dict(question.environment),
                    "limit": question.limit.total_seconds(),
                    "taken_port": question.taken_port,
                }
                for question in questions
            ],
        }
    )


def parse_interpreter_facts(output: str) -> InterpreterFacts:
    """Read what the program printed; modules that print when imported do so before it.

    Raises:
        EngineError: It is something else.
    """
    try:
        document = json.loads(output.rstrip().rpartition("\n")[2])
        imports = {name: ImportResult(**found) for name, found in document.pop("imports").items()}
        path = tuple(document.pop("search_path"))
        replies = tuple(Reply(serving=tuple(one.pop("serving")), **one) for one in document.pop("replies"))
        return InterpreterFacts(search_path=path, imports=imports, replies=replies, **document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"the interpreter gave no facts: {output[-200:]!r}") from error
