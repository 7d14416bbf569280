"""Section 7 of the report: the entrypoint."""

from __future__ import annotations

import ast
import re
from signal import SIGTERM

from image_harness import requirement
from image_harness.design import Design
from image_harness.dockerfile import Stage
from image_harness.engine import Clock, Container, ServiceObservation
from image_harness.image import FileSystem, Image
from image_harness.plugin.running import Running
from image_harness.plugin.scenarios import Scenarios

GUARD = "__name__ == '__main__'"


@requirement("entrypoint.empty")
def test_entrypoint_is_empty(image: Image, design: Design) -> None:
    assert (image.config.entrypoint or ()) == design.image.entrypoint


@requirement("entrypoint.cmd")
def test_cmd(image: Image, design: Design) -> None:
    assert image.config.cmd == design.image.cmd


@requirement("entrypoint.cmd-exec-form")
def test_cmd_goes_through_no_shell(image: Image) -> None:
    assert image.config.cmd, "the image has no CMD"
    assert image.config.cmd[0].rsplit("/")[-1] not in ("sh", "bash", "dash", "ash")


@requirement("entrypoint.cmd-exists")
def test_cmd_can_run(image: Image, filesystem: FileSystem) -> None:
    assert image.config.cmd, "the image has no CMD"
    paths = [word for word in image.config.cmd if word.startswith("/")]
    assert paths, f"CMD {image.config.cmd} names no file"
    assert [path for path in paths if not filesystem.exists(path)] == []


@requirement("entrypoint.stop-signal")
def test_stop_signal(image: Image) -> None:
    assert (image.config.stop_signal or "SIGTERM").upper().removeprefix("SIG") in ("TERM", str(SIGTERM.value))


@requirement("entrypoint.instructions")
def test_instructions(runtime: Stage, design: Design) -> None:
    entrypoint, cmd = runtime.last("ENTRYPOINT"), runtime.last("CMD")
    assert entrypoint is not None, "the runtime stage has no ENTRYPOINT"
    assert cmd is not None, "the runtime stage has no CMD"
    assert entrypoint.exec_form == design.image.entrypoint
    assert cmd.exec_form == design.image.cmd


@requirement("entrypoint.utf8")
def test_script_is_utf8(filesystem: FileSystem, design: Design) -> None:
    assert filesystem.exists(design.application.entrypoint), f"{design.application.entrypoint} is not in the image"
    lines = filesystem.read_text(design.application.entrypoint).splitlines()
    assert [line for line in lines[:2] if re.match(r"#.*coding[:=]\s*utf-8\b", line)], f"no PEP 263 line in {lines[:2]}"


@requirement("entrypoint.main-guard")
def test_script_acts_only_when_run(filesystem: FileSystem, design: Design) -> None:
    assert filesystem.exists(design.application.entrypoint), f"{design.application.entrypoint} is not in the image"
    tree = ast.parse(filesystem.read_text(design.application.entrypoint))
    guards = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == GUARD]
    assert guards, f"the script has no: if {GUARD}"
    otherwise = [statement for guard in guards for statement in guard.orelse]
    acting = [statement for statement in tree.body if statement not in guards and acts(statement)]
    assert [ast.unparse(statement) for statement in otherwise + acting] == [], "done also when it is imported"


def acts(statement: ast.stmt) -> bool:
    """Whether a statement does more than import, define, or give constants their names."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return False
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return bool(statement.decorator_list) or calls(statement.args)
        case ast.ClassDef():
            return bool(statement.decorator_list) or any(acts(inner) for inner in statement.body)
        case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name()):
            return calls(statement)
        case _:
            return True


def calls(node: ast.AST) -> bool:
    """Whether anything is called in a part of a module."""
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


@requirement("entrypoint.default-port")
def test_answers_on_the_default_port(running: Running) -> None:
    assert running.answer.answered, running.answer.reason


@requirement("entrypoint.all-interfaces")
def test_listens_on_all_interfaces(container: Container, design: Design) -> None:
    sockets = container.proc.listening_sockets(interpreter=design.image.interpreter)
    addresses = {socket.address for socket in sockets if socket.port == design.service.port}
    assert addresses == {"0.0.0.0"}


@requirement("entrypoint.no-other-port")
def test_listens_on_no_other_port(container: Container, design: Design) -> None:
    ports = {socket.port for socket in container.proc.listening_sockets(interpreter=design.image.interpreter)}
    assert ports == {design.service.port}


@requirement("entrypoint.port-variable", "entrypoint.port-precedence")
def test_answers_on_the_port_of_the_variable_before_its_fallback(scenarios: Scenarios, design: Design) -> None:
    observed = scenarios.other_port()
    assert observed.serving == (design.runtime.other_port,), f"exit code {observed.exit_code}: {observed.logs[-400:]}"


@requirement("entrypoint.port-fallback")
def test_answers_on_the_port_of_the_fallback_variable(scenarios: Scenarios, design: Design) -> None:
    observed = scenarios.fallback_port()
    assert observed.answer.answered, observed.answer.reason
    assert [socket.port for socket in observed.sockets.value] == [design.runtime.fallback_port]


@requirement("entrypoint.site-packages-on-path")
def test_answers_without_pythonpath(scenarios: Scenarios) -> None:
    observed = scenarios.without_pythonpath()
    assert observed.answer.answered, observed.answer.reason


def stopped(observed: ServiceObservation, design: Design, clock: Clock) -> tuple[int, bool]:
    """Return the exit code, and whether the service ended in time."""
    stop = observed.stop.value
    return stop.exit_code, stop.duration <= clock.limit(design.runtime.stop_within)


@requirement("entrypoint.stop-sigterm")
def test_ends_on_sigterm(scenarios: Scenarios, design: Design, clock: Clock) -> None:
    observed = scenarios.fallback_port()
    assert stopped(observed, design, clock) == (0, True), f"SIGTERM: {observed.stop.value}"


@requirement("entrypoint.stop-sigint")
def test_ends_on_sigint(scenarios: Scenarios, design: Design, clock: Clock) -> None:
    observed = scenarios.without_pythonpath()
    assert stopped(observed, design, clock) == (0, True), f"SIGINT: {observed.stop.value}"


@requirement("entrypoint.stop-answers")
def test_answers_what_is_under_way_when_it_is_told_to_end(scenarios: Scenarios, design: Design, clock: Clock) -> None:
    late = scenarios.fallback_port().late_answer.value
    late.require_chance(design.runtime.stop_within, clock)
    assert late.status == design.runtime.post_status, str(late)


@requirement("entrypoint.port-taken")
def test_ends_when_its_port_is_taken(scenarios: Scenarios, design: Design) -> None:
    observed = scenarios.port_taken()
    assert observed.exit_code == 1, f"it logged: {observed.logs[-400:]}"
    assert [line for line in observed.logs.splitlines() if str(design.service.port) in line], observed.logs[-400:]
    assert "Traceback" not in observed.logs
