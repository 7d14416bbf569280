"""A container of the real image, looked at from outside; one is shared, and one is started to be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import timedelta

import pytest

from image_harness.engine import (
    CommandNotRun,
    CommandTimedOut,
    Container,
    ContainerDied,
    ContainerLost,
    Engine,
    EngineError,
    HealthStatus,
    ListeningSocket,
    RunOptions,
    WaitExpired,
)
from image_harness.types import HealthCheck, Port

from .conftest import BOOT_LIMIT, IMAGE

pytestmark = pytest.mark.engine
PYTHON = "/usr/bin/python3.11"


def test_http_answers_on_a_loopback_port_that_the_engine_chose(container: Container) -> None:
    response = container.wait_for_http("/health", BOOT_LIMIT)
    assert response.status_code == 200
    host, port = container.address(Port(8093))
    assert host == "127.0.0.1"
    assert port != 8093


def test_a_port_that_is_not_published_has_no_address(container: Container) -> None:
    with pytest.raises(EngineError, match="9999/tcp is not published"):
        container.address(Port(9999))


def test_health_comes_and_its_timeline_tells_when(container: Container) -> None:
    state = container.wait_for_health(HealthStatus.HEALTHY, BOOT_LIMIT)
    assert state.health.probes[-1].exit_code == 0
    timeline = container.health_timeline()
    assert timeline.statuses[:2] == (HealthStatus.STARTING, HealthStatus.HEALTHY)
    reached = timeline.until(HealthStatus.HEALTHY)
    assert reached is not None
    assert timedelta(seconds=1) <= reached < BOOT_LIMIT


def test_processes_have_their_ids_and_arguments_as_inside(container: Container) -> None:
    first = container.proc.processes()[0]
    assert (first.pid, first.uid, first.gid) == (1, 65532, 65532)
    assert first.argv[0] == PYTHON
    assert first.comm == "python3.11"


def test_processes_as_a_remote_engine_tells_them(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_harness.engine.proc_view.is_container_process", lambda *_: False)
    first = container.proc.processes()[0]
    assert (first.pid, first.uid, first.gid, first.comm) == (None, 65532, 65532, "python3.11")


def test_sockets_are_the_same_from_outside_and_from_inside(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.wait_for_http("/health", BOOT_LIMIT)
    outside = container.proc.listening_sockets()
    assert outside == (ListeningSocket("0.0.0.0", 8093, "tcp"),)
    monkeypatch.setattr("image_harness.engine.proc_view.is_container_process", lambda *_: False)
    assert container.proc.listening_sockets(interpreter=PYTHON) == outside
    with pytest.raises(EngineError, match="another machine"):
        container.proc.listening_sockets()


def test_a_command_has_its_streams_and_exit_code_apart(container: Container) -> None:
    code = "import os, sys; print(os.environ['X'], os.getuid()); print('bad', file=sys.stderr); sys.exit(126)"
    result = container.run((PYTHON, "-c", code), user="0:0", environment={"X": "y"})
    assert (result.exit_code, result.stdout, result.stderr) == (126, "y 0\n", "bad\n")


def test_a_program_that_talks_like_the_engine_has_run_all_the_same(container: Container) -> None:
    result = container.python("print('OCI runtime exec failed: exec failed'); raise SystemExit(127)")
    assert result.exit_code == 127


@pytest.mark.parametrize("argv", [("/bin/sh", "-c", "true"), ("/etc/passwd",), ("/app",), ("no-such-program",)])
def test_what_cannot_be_started_is_no_result(container: Container, argv: tuple[str, ...]) -> None:
    with pytest.raises(CommandNotRun, match="was not started"):
        container.run(argv)


def test_a_command_that_was_killed_in_a_container_that_lives_has_a_result(container: Container) -> None:
    assert container.python("import os; os.kill(os.getpid(), 9)").exit_code == 137


def test_an_unknown_user_is_no_result(container: Container) -> None:
    with pytest.raises(CommandNotRun, match="was not started"):
        container.run((PYTHON, "-c", ""), user="nobody-of-that-name")


def test_a_command_that_does_not_end_is_ended(container: Container) -> None:
    with pytest.raises(CommandTimedOut, match="2 s"):
        container.python("import time; time.sleep(60)", limit=timedelta(seconds=2))
    time.sleep(0.3)
    assert not [process for process in container.proc.processes() if "time.sleep(60)" in " ".join(process.argv)]


def test_a_wait_says_what_was_seen_last(container: Container) -> None:
    container.wait_for_http("/health", BOOT_LIMIT)
    with pytest.raises(WaitExpired, match=r"answer 200 \(last: status 404\)"):
        container.wait_for_http("/no-such-page", timedelta(seconds=4))


def test_a_container_that_only_sleeps_is_not_waited_for_to_the_end_of_the_limit(container: Container) -> None:
    container.wait_for_http("/health", BOOT_LIMIT)
    with pytest.raises(WaitExpired, match=r"within \d+\.\d s, \d\.\d s of them idle"):
        container.wait_for_http("/no-such-page", BOOT_LIMIT, idle=timedelta(seconds=1))


def test_a_container_that_works_is_waited_for_to_the_end_of_the_limit(engine: Engine) -> None:
    work = "while True: pass"
    with engine.run(IMAGE, RunOptions(command=(PYTHON, "-c", work))) as container:
        limit = timedelta(seconds=4)
        with pytest.raises(WaitExpired) as told:
            container.wait_until(lambda: None, limit, lambda: "end", idle=timedelta(seconds=1))
        # The message rounds what was more than the limit.
        assert float(str(told.value).partition("within ")[2].split()[0]) >= limit.total_seconds()


SLEEP = RunOptions(command=(PYTHON, "-c", "import time; time.sleep(120)"))


def test_what_ends_of_itself_has_been_left_alone(engine: Engine) -> None:
    with engine.run(IMAGE, RunOptions(command=(PYTHON, "-c", "raise SystemExit(3)"))) as container:
        container.wait_exit(BOOT_LIMIT)
        assert container.require_left_alone().exit_code == 3


def test_what_was_killed_behind_the_engines_back_has_not_been_left_alone(engine: Engine) -> None:
    with engine.run(IMAGE, SLEEP) as container:
        assert not container.require_left_alone().ended
        os.kill(container.proc.required_pid(), signal.SIGKILL)
        container.wait_exit(BOOT_LIMIT)
        with pytest.raises(ContainerLost, match=r"was killed$"):
            container.require_left_alone()


def test_what_takes_more_than_the_memory_it_was_given_has_been_left_alone(engine: Engine) -> None:
    """Whether a service holds its limit is a question about it."""
    greedy = (PYTHON, "-c", "held = []\nwhile True: held.append(b'x' * 2**20)")
    with engine.run(IMAGE, RunOptions(command=greedy, memory=128 * 2**20)) as container:
        container.wait_exit(BOOT_LIMIT)
        state = container.require_left_alone()
    assert (state.oom_killed, state.exit_code) == (True, 137)


def test_what_was_paused_for_a_moment_has_not_been_left_alone(engine: Engine) -> None:
    with engine.run(IMAGE, SLEEP) as container:
        subprocess.run(["docker", "pause", container.id], check=True, capture_output=True)
        with pytest.raises(ContainerLost, match="somebody has paused the container"):
            container.require_left_alone()
        subprocess.run(["docker", "unpause", container.id], check=True, capture_output=True)
        with pytest.raises(ContainerLost, match="somebody has paused the container"):
            container.require_left_alone()


def test_a_stopped_container_is_lost_to_commands_and_waits(engine: Engine) -> None:
    options = RunOptions(command=(PYTHON, "-c", "print('ready', flush=True); import time; time.sleep(60)"))
    with engine.run(IMAGE, options) as container:
        container.wait_until(lambda: "ready" in container.logs() or None, BOOT_LIMIT, lambda: "ready")
        stopped = container.stop(timedelta(seconds=0.5))
        # PID 1 without a handler does not hear SIGTERM: the engine had to kill it after the grace of one second.
        assert stopped.exit_code == 137
        assert 0.9 < stopped.seconds < 8
        with pytest.raises(ContainerLost, match="does not run"):
            container.run((PYTHON, "-c", ""))
        with pytest.raises(ContainerLost, match="exit code 137"):
            container.proc.processes()
        start = time.monotonic()
        with pytest.raises(ContainerDied, match=r"exit code 137.*last lines: ready"):
            container.wait_for_health(HealthStatus.HEALTHY, timedelta(seconds=60))
        assert time.monotonic() - start < 2


def test_of_a_long_line_a_message_shows_the_beginning(engine: Engine) -> None:
    with engine.run(IMAGE, RunOptions(command=(PYTHON, "-c", "print('x' * 30_000)"))) as container:
        with pytest.raises(ContainerDied, match=r"last lines: x{200}…$"):
            container.wait_for_health(HealthStatus.HEALTHY, timedelta(seconds=60))
        assert container.age() > timedelta()


def test_a_container_that_dies_under_a_command_is_lost(engine: Engine) -> None:
    options = RunOptions(command=(PYTHON, "-c", "import time; time.sleep(2); raise SystemExit(3)"))
    with engine.run(IMAGE, options) as container:
        with pytest.raises(ContainerLost):
            container.python("import time; time.sleep(60)", limit=timedelta(seconds=30))
        assert container.wait_exit(BOOT_LIMIT) == 3


def test_a_probe_that_was_killed_with_its_container_says_nothing_of_the_image(engine: Engine) -> None:
    """The engine calls the container unhealthy for it."""
    second = timedelta(seconds=1)
    probe = ("CMD", PYTHON, "-c", "import time; time.sleep(60)")
    check = HealthCheck(probe, interval=second, timeout=BOOT_LIMIT, start_period=None, start_interval=None, retries=1)
    options = RunOptions(command=(PYTHON, "-c", "import time; time.sleep(600)"), health_check=check)
    with engine.run(IMAGE, options) as container:

        def is_probed() -> bool | None:
            return len(container.proc.processes()) > 1 or None

        container.wait_until(is_probed, BOOT_LIMIT, lambda: "a probe")
        engine._client.kill(container.id)
        container.wait_until(lambda: container.state().ended or None, BOOT_LIMIT, lambda: "its end")
        with pytest.raises(ContainerLost, match="signal 9"):
            container.health_timeline()
