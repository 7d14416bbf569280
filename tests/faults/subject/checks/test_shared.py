"""What the shared container shows, by every way that there is to look."""

from __future__ import annotations

import json
from datetime import timedelta

from image_harness import requirement
from image_harness.design import Design
from image_harness.engine import Container, HealthStatus, InterpreterFacts
from image_harness.engine.toolbox.host import ContainerHost
from image_harness.plugin.running import Running

SELF = "import json, os; print(json.dumps({'uid': os.getuid()}))"


@requirement("shared.answers")
def test_answers(running: Running) -> None:
    assert running.answer.answered, running.answer.reason


@requirement("shared.process-user")
def test_process_user(container: Container, design: Design) -> None:
    first = [process.uid for process in container.proc.processes() if process.pid == 1]
    assert first == [design.image.uid]


@requirement("shared.sockets")
def test_sockets(container: Container, design: Design) -> None:
    found = [(socket.address, socket.port) for socket in container.proc.listening_sockets()]
    assert found == [("0.0.0.0", design.service.port)]


@requirement("shared.command-ends")
def test_command_ends(container: Container, design: Design) -> None:
    assert container.run(design.health_check.test[1:]).exit_code == 0


@requirement("shared.command-writes")
def test_command_writes(container: Container, design: Design) -> None:
    done = container.python(SELF, interpreter=design.image.interpreter, limit=timedelta(seconds=5))
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"uid": design.image.uid}


@requirement("shared.interpreter")
def test_interpreter(interpreter: InterpreterFacts, design: Design) -> None:
    assert interpreter.uid == design.image.uid


@requirement("shared.health-first")
def test_health_first(running: Running) -> None:
    assert running.first_state.health.status is HealthStatus.STARTING


@requirement("shared.health")
def test_health(running: Running) -> None:
    assert running.health.result().statuses == (HealthStatus.STARTING, HealthStatus.HEALTHY)


@requirement("shared.greets")
def test_greets(container: Container) -> None:
    assert container.logs().splitlines()[:1] == ["hello"]


@requirement("shared.host")
def test_host(host: ContainerHost, design: Design) -> None:
    assert host.file("/app/service.py").is_file
    assert host.check_output("id -u") == str(design.image.uid)
