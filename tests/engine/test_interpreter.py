from __future__ import annotations

import errno
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from image_harness.engine import (
    Engine,
    EngineError,
    ImportResult,
    Inquiry,
    InterpreterFacts,
    Question,
    Reply,
    RunOptions,
    asked_interpreter,
    interpreter_facts,
)
from image_harness.engine.interpreter import _PROGRAM, _asked, parse_interpreter_facts
from image_harness.types import HealthCheck
from tests.engine.conftest import IMAGE

PYTHON = "/usr/bin/python3.11"
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("output", ["", "{}", "[1]", "Traceback"])
def test_other_output_is_an_error(output: str) -> None:
    with pytest.raises(EngineError, match="no facts"):
        parse_interpreter_facts(output)


@pytest.mark.parametrize("output", ["", "[1]x", "3", "warning"])
def test_a_reply_that_is_no_object_is_an_error(output: str) -> None:
    with pytest.raises(EngineError, match="no JSON from the interpreter: said so"):
        Reply(0, output, "said so").json()


def test_a_reply_is_the_object_that_was_printed_last() -> None:
    assert Reply(0, 'noise\n{"a": 1}\n', "").json() == {"a": 1}


SERVER = """
import http.server, os, socket, sys
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = Server((sys.argv[1], 8096), http.server.SimpleHTTPRequestHandler)
for _ in range(int(sys.argv[2])):
    os.fork()
server.serve_forever()
"""


def asked_here(*questions: Question) -> tuple[Reply, ...]:
    """What this machine's interpreter answers, as the first process of namespaces of its own."""
    begin = 'ip link set lo up && exec "$@"'
    program = [sys.executable, "-c", _PROGRAM, _asked(Inquiry((), questions), "mark ")]
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", begin, "sh", *program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return parse_interpreter_facts(done.stdout.partition("mark ")[2]).replies


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::", "::1"])
def test_who_answers_is_seen_wherever_it_listens(address: str) -> None:
    (reply,) = asked_here(Question(SERVER, (address, "0"), limit=timedelta(seconds=10)))
    assert (reply.exit_code, reply.serving) == (None, (8096,))


def test_what_a_question_leaves_running_does_not_answer_the_next_one() -> None:
    later = Question("import sys, time; time.sleep(2); sys.exit(3)")
    left = Question(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SERVER!r}, '0.0.0.0', '0'])")
    several, after, leaving, last = asked_here(Question(SERVER, ("0.0.0.0", "2")), later, left, later)
    assert several.serving == (8096,)
    assert (after.exit_code, after.serving) == (3, ())
    assert leaving.exit_code == 0
    assert (last.exit_code, last.serving) == (3, ())


QUESTIONS = {
    "printed": Question("import sys; print(sys.argv[1:], len(sys.modules) > 0)", ("a", "b c")),
    "exit": Question("import sys; sys.exit(7)"),
    "message": Question("import sys; sys.exit('no port')"),
    "raised": Question("import json\nassert 'string' in dir(), 'each begins anew'"),
    "left": Question("import sys; sys.string = 1"),
    "not-left": Question("import sys; print(hasattr(sys, 'string'))"),
    "variable": Question("import os; print(os.environ['GIVEN'], 'PATH' in os.environ)", environment=(("GIVEN", "x"),)),
    "killed": Question("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
    "endless": Question("print('began', flush=True)\nimport time\ntime.sleep(60)", limit=timedelta(seconds=1)),
    "warm": Question("import sys; print('decimal' in sys.modules, 'xml.dom' in sys.modules)"),
    "script": Question.start([PYTHON, "/usr/lib/python3.11/this.py", "arg"], interpreter=PYTHON, limit=MINUTE),
    "other": Question.start([PYTHON, "-c", "import sys; sys.exit(9)"], interpreter=PYTHON, limit=MINUTE),
    "taken-and-not-answered": Question.start(
        [PYTHON, "-c", "import socket, sys; sys.exit(socket.socket().connect_ex(('127.0.0.1', 8093)))"],
        interpreter=PYTHON,
        limit=MINUTE,
        taken_port=8093,
    ),
    "taken": Question.start(
        [PYTHON, "-c", "import socket; socket.create_server(('127.0.0.1', 8093))"],
        interpreter=PYTHON,
        limit=MINUTE,
        taken_port=8093,
    ),
}


@pytest.fixture(scope="module")
def facts(engine: Engine) -> InterpreterFacts:
    modules = ("json", "this_is_missing", "this", "decimal")
    return interpreter_facts(engine, IMAGE, Inquiry(modules, tuple(QUESTIONS.values()), interpreter=PYTHON))


@pytest.mark.engine
def test_imports_are_tried_one_by_one(facts: InterpreterFacts) -> None:
    assert facts.imports["json"].file == "/usr/lib/python3.11/json/__init__.py"
    assert facts.imports["this"].error is None
    assert facts.imports["this_is_missing"] == ImportResult(
        None, "ModuleNotFoundError: No module named 'this_is_missing'"
    )
    assert (facts.uid, facts.gid, facts.machine, facts.working_directory) == (65532, 65532, "aarch64", "/app")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "exit_code", "output"),
    [
        ("printed", 0, "['a', 'b c'] True\n"),
        ("exit", 7, ""),
        ("message", 1, "no port\n"),
        ("left", 0, ""),
        ("not-left", 0, "False\n"),
        ("killed", 143, ""),
        ("endless", None, "began\n"),
        ("warm", 0, "True False\n"),
        ("other", 9, ""),
        ("taken-and-not-answered", errno.ECONNREFUSED, ""),
    ],
)
def test_each_question_is_run_in_a_process_of_its_own(
    facts: InterpreterFacts, name: str, exit_code: int | None, output: str
) -> None:
    reply = facts.replies[list(QUESTIONS).index(name)]
    assert (reply.exit_code, reply.logs) == (exit_code, output)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "exit_code", "words"),
    [
        ("raised", 1, "AssertionError: each begins anew"),
        ("taken", 1, "Address already in use"),
        ("script", 0, "Beautiful is better than ugly"),
        ("variable", 0, "x True"),
    ],
)
def test_a_question_may_fail_or_begin_a_script(facts: InterpreterFacts, name: str, exit_code: int, words: str) -> None:
    reply = facts.replies[list(QUESTIONS).index(name)]
    assert reply.exit_code == exit_code
    assert words in reply.logs


@pytest.mark.engine
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "0.0.0.0"])
def test_a_start_that_serves_is_not_waited_for_to_the_end_of_its_limit(engine: Engine, address: str) -> None:
    server = [PYTHON, "-m", "http.server", "--bind", address, "8098"]
    start = Question.start(server, interpreter=PYTHON, limit=2 * MINUTE)
    begin = time.monotonic()
    (reply,) = interpreter_facts(engine, IMAGE, Inquiry((), (start,), interpreter=PYTHON)).replies
    assert (reply.exit_code, reply.serving) == (None, (8098,))
    assert time.monotonic() - begin < start.limit.total_seconds()


@pytest.mark.engine
def test_a_start_that_only_listens_may_still_end(engine: Engine) -> None:
    code = "import socket, sys, time; s = socket.create_server(('127.0.0.1', 8098)); time.sleep(2); sys.exit(5)"
    start = Question.start([PYTHON, "-c", code], interpreter=PYTHON, limit=MINUTE)
    (reply,) = interpreter_facts(engine, IMAGE, Inquiry((), (start,), interpreter=PYTHON)).replies
    assert (reply.exit_code, reply.serving) == (5, ())


@pytest.mark.engine
def test_an_interpreter_that_is_not_there_is_an_error(engine: Engine) -> None:
    with pytest.raises(EngineError):
        interpreter_facts(engine, IMAGE, Inquiry((), interpreter="/usr/bin/python9"))


ALONE = RunOptions(network="none", health_check=HealthCheck.none())


@pytest.mark.engine
def test_it_becomes_what_it_is_to_become_once_it_has_answered(engine: Engine) -> None:
    """As the first process, without the variables that are unset, and its modules at hand; its end is its own."""
    said = "print('became', os.getpid(), os.environ.get('PYTHONPATH'), os.environ['GIVEN'], 'decimal' in sys.modules)"
    code = f"import os, sys, threading, time; {said}; threading.Timer(1, print, ['last']).start(); sys.exit(7)"
    becomes = Question(code, environment=(("GIVEN", "x"),), unset=("PYTHONPATH",))
    inquiry = Inquiry(("decimal",), (QUESTIONS["exit"],), interpreter=PYTHON, becomes=becomes)
    with asked_interpreter(engine, IMAGE, inquiry, ALONE) as (container, facts):
        assert [reply.exit_code for reply in facts.replies] == [7]
        assert "PYTHONPATH" in facts.environment
        assert "GIVEN" not in facts.environment
        assert container.wait_exit(MINUTE) == 7
        assert container.logs().splitlines()[-2:] == ["became 1 None x True", "last"]


@pytest.mark.engine
def test_an_interpreter_that_ends_before_it_has_answered_is_an_error(engine: Engine) -> None:
    nowhere = RunOptions(environment={"PYTHONHOME": "/nowhere"})
    with pytest.raises(EngineError, match="exit code 1 while waiting for the answers of"):
        interpreter_facts(engine, IMAGE, Inquiry((), interpreter=PYTHON), nowhere)
