"""A container that runs: its state, its processes and sockets, commands in it, and waits that end when it dies."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from image_harness.engine.answers import require_container
from image_harness.engine.asking import Asking
from image_harness.engine.client import EngineFacts, translated
from image_harness.engine.errors import ContainerDied, ContainerLost, EngineError, WaitExpired
from image_harness.engine.event_log import EventLog
from image_harness.engine.events import HealthTimeline
from image_harness.engine.execution import CommandResult, Execution
from image_harness.engine.health import HealthView
from image_harness.engine.logs import read_logs
from image_harness.engine.place import Place
from image_harness.engine.podman import NAME as PODMAN
from image_harness.engine.proc_view import ProcView
from image_harness.engine.procfs import is_container_process
from image_harness.engine.rest import Rest
from image_harness.engine.state import (
    ContainerState,
    ContainerStatus,
    HealthStatus,
    parse_addresses,
    parse_health_check,
    parse_state,
)
from image_harness.engine.upper import contradictions, files_in, upper_directory
from image_harness.engine_api import last_call
from image_harness.types import HealthCheck, Port

if TYPE_CHECKING:
    import httpx
    from docker import APIClient

T = TypeVar("T")

# How long to pause between two looks: each costs this machine, the engine, and by that the container time. What has
# been waited for long may be noticed a little later.
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(milliseconds=50), timedelta(milliseconds=250)
_PART_OF_THE_WAIT = 1 / 20
# Whether a container has ended meanwhile is a question to the engine; what is waited for often is none.
_STATE_EVERY = timedelta(milliseconds=500)
# Of a line that a message shows, so many characters.
_LINE = 200
_COMMAND_LIMIT = timedelta(minutes=1)
_KILLED = 128 + signal.SIGKILL
# What an engine calls stopped it may take a moment to describe as ended.
_SETTLED_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class StopResult:
    """How a container ended when it was told to.

    Attributes:
        exit_code: Of its first process; 137 means that it had to be killed.
        duration: From the request until the engine called it ended.
    """

    exit_code: int
    duration: timedelta

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self.duration.total_seconds()


class Container:
    """A container made by ``Engine.run``, which also removes it.

    Attributes:
        id: What the engine calls it.
        name: What it is called in messages, and by users of the engine.
        image_id: The engine's id of its image.
        proc: Its processes and sockets.
    """

    def __init__(self, client: APIClient, container_id: str, name: str, engine: EngineFacts) -> None:
        self._client = client
        self._place = Place.of(engine.url)
        self.id = container_id
        self.name = name
        self._made = time.monotonic()
        # Podman takes no notice of who asks for labels beside what was written.
        self._names_its_logs = engine.name != PODMAN
        self._document = self._inspect()
        self.image_id = str(self._document["Image"])
        self._events = EventLog(client, container_id, name, hurries=engine.name == PODMAN)
        self._health = HealthView(self._events, name, state=self.state, events_lag=engine.name == PODMAN)
        self._told: dict[str, datetime | None] = {}
        self._stopped = False
        self.proc = ProcView(client, container_id, name, state=self.state, python=self.python, engine=engine)

    def __repr__(self) -> str:
        return f"Container({self.name})"

    def age(self) -> timedelta:
        """How long ago it was started, by this machine's own measure of time."""
        return timedelta(seconds=time.monotonic() - self._made)

    def state(self) -> ContainerState:
        """The container at this moment.

        Raises:
            ContainerLost: It is gone.
        """
        return parse_state(self._inspect())

    def inspect(self) -> Mapping[str, Any]:
        """The engine's whole document about it.

        Raises:
            ContainerLost: It is gone.
        """
        return self._inspect()

    def require_started(self) -> None:
        """Make sure that it was started: an engine's yes to that says nothing of which container it has started.

        Raises:
            ContainerLost: It is gone.
            EngineError: It has never run.
        """
        state = parse_state(self._document)
        if state.started_at is None:
            call = f"POST /containers/{self.id[:12]}/start"
            raise EngineError(f"{call} had no effect, whatever the engine said: it is {state.status}", where=self.name)

    def changes(self) -> tuple[str, ...]:
        """The paths of its root file system that are not as in the image.

        Nothing in the engine's answer says whose changes they are. As far as this machine sees the file system of a
        container that runs, the two are compared.

        Raises:
            EngineError: They contradict one another.
        """
        state = self.state()
        upper = upper_directory(state.pid) if is_container_process(state.pid, self.id) else None
        before = frozenset[str]() if upper is None else files_in(upper)
        with translated(self.name):
            told = tuple(sorted(str(change["Path"]) for change in self._client.diff(self.id) or ()))
        if upper is not None:
            wrong = contradictions(told, before, files_in(upper), upper)
            if wrong:
                what = f"the engine's answer to {last_call()} is not about this container: {', '.join(wrong)[:200]}"
                raise EngineError(what, where=self.name)
        return told

    def health_check(self) -> HealthCheck | None:
        """The health check that the engine holds for the container, or None."""
        return parse_health_check(self._document)

    def logs(self, tail: int | None = None) -> str:
        """What it has written to stdout and stderr: all, or the last lines."""
        with translated(self.name):
            text = read_logs(self._client, self.id, self.name, tail, named=self._names_its_logs)
        return text.decode(errors="replace")

    def address(self, port: Port) -> tuple[str, int]:
        """Where a published port is reached: address and port.

        Raises:
            EngineError: It is not published, or the container does not run.
        """
        found = parse_addresses(self._document).get(port)
        if found is None:
            self._document = self._inspect()
            found = parse_addresses(self._document).get(port)
        if found is None:
            raise EngineError(f"port {port} is not published", where=self.name)
        return self._place.reached_at(found[0]), found[1]

    def require_here(self) -> None:
        """Make sure that what is published on the loopback of the engine's machine is reached from here.

        Raises:
            EngineError: The engine is of another machine.
        """
        if self._place.host is not None:
            raise EngineError(f"the engine is of another machine ({self._place.host})", where=self.name)

    def url(self, path: str = "/", port: Port | None = None) -> str:
        """The URL of a path at a published port; without ``port``, at the only one there is."""
        host, number = self.address(port or self._only_port())
        return f"http://{f'[{host}]' if ':' in host else host}:{number}{path}"

    def wait_for_http(
        self,
        path: str,
        limit: timedelta,
        *,
        port: Port | None = None,
        status: int = 200,
        idle: timedelta | None = None,
        in_vain: Callable[[ContainerState], bool] | None = None,
    ) -> httpx.Response:
        """Ask until the answer has this status.

        Args:
            path: What to ask for.
            limit: How long.
            port: Of the container; the only one it publishes if none.
            status: The HTTP status.
            idle: How long while the container has nothing to do; None for as long as the limit.
            in_vain: Whether there is nothing left to wait for, by the container's state, though nobody takes a request.

        Raises:
            ContainerDied: It ended before.
            EngineError: The engine is on another machine, of which the port is not reached from here.
            WaitExpired: There was no such answer in time.
        """
        url = self.url(path, port)
        with Asking.at(url, status, limit) as asking:

            def is_over(state: ContainerState) -> bool:
                return in_vain is not None and in_vain(state) and asking.turned_away

            try:
                return self.wait_until(
                    asking.ask,
                    limit,
                    lambda: f"{url} to answer {status} (last: {asking.last})",
                    idle=idle,
                    in_vain=is_over,
                )
            except WaitExpired:
                if asking.connected or self._place.host is None:
                    raise
                # Whether it is the service or the way to it cannot be told.
                raise EngineError(
                    f"the port cannot be reached from here ({asking.last})",
                    where=url,
                    fix="open the engine's host to this machine, or run on it",
                ) from None

    def wait_for_health(
        self,
        status: HealthStatus,
        limit: timedelta,
        *others: HealthStatus,
        answers: Callable[[], bool] | None = None,
        forgiving: int = 1,
    ) -> ContainerState:
        """Wait until the engine calls the container this, or one of the others.

        Args:
            status: What it is expected to be called.
            limit: How long to wait.
            others: What ends the wait as well.
            answers: Whether the service answers by now. Once it does, probes that say the opposite as often as the
                health check lets them fail, and once more, end the wait as one in vain.
            forgiving: How many times as often.

        Raises:
            ContainerDied: It ended before.
            EngineError: The engine holds no health check for it, or never runs it.
            WaitExpired: It did not come to that in time.
        """
        look = self._health.watch((status, *others), self.health_check(), answers, forgiving)
        return self.wait_until(look, limit, lambda: f"health {status}")

    def wait_exit(self, limit: timedelta) -> int:
        """Wait until it has ended of itself; its exit code.

        Raises:
            WaitExpired: It still runs.
        """
        begin = time.monotonic()
        while True:
            state = self.state()
            self._require_left_alone(state)
            if state.ended and state.exit_code is not None:
                return state.exit_code
            waited = time.monotonic() - begin
            if waited > limit.total_seconds():
                raise WaitExpired(
                    f"had not ended after {limit.total_seconds():g} s{self._last_lines()}", where=self.name
                )
            _pause(waited)

    def wait_until(
        self,
        look: Callable[[], T | None],
        limit: timedelta,
        what: Callable[[], str],
        *,
        idle: timedelta | None = None,
        in_vain: Callable[[ContainerState], bool] | None = None,
    ) -> T:
        """Look again and again until there is something.

        Args:
            look: Gives what was waited for, or None while it is not there.
            limit: How long to look.
            what: What is waited for, for the message.
            idle: How long to look while all processes of the container sleep; None for as long as the limit. Of a
                container on another machine it is not known when they do.
            in_vain: Whether there is nothing left to wait for, by the container's state.

        Raises:
            ContainerDied: The container has ended.
            WaitExpired: The time is up.
        """
        begin = time.monotonic()
        next_state = 0.0
        rest = Rest(parse_state(self._document).pid, self.id)
        while True:
            found = look()
            if found is not None:
                return found
            waited = time.monotonic() - begin
            late = waited > limit.total_seconds() or (idle is not None and rest.total > idle)
            if late or waited >= next_state:
                next_state = waited + _STATE_EVERY.total_seconds()
                state = self.state()
                self._require_left_alone(state)
                if state.ended:
                    code = f"{state.exit_code}{' (out of memory)' if state.oom_killed else ''}"
                    raise ContainerDied(
                        f"ended with exit code {code} while waiting for {what()}{self._last_lines()}", where=self.name
                    )
                if late or (in_vain is not None and in_vain(state)):
                    idled = f", {rest.total.total_seconds():.1f} s of them idle" if idle is not None else ""
                    raise WaitExpired(f"no {what()} within {waited:.1f} s{idled}{self._last_lines()}", where=self.name)
            pause = _pause(waited)
            if idle is not None:
                rest.add(pause)

    def _require_left_alone(self, state: ContainerState) -> None:
        """Make sure that nobody but this run has paused the container or sent it a signal.

        What becomes of a container in other hands says nothing about its image.

        Raises:
            ContainerLost: Somebody has.
        """
        if state.status is ContainerStatus.PAUSED:
            raise ContainerLost("somebody has paused the container", where=self.name)
        if state.ended:
            self._require_unsignalled(state)

    def _require_unsignalled(self, state: ContainerState) -> None:
        """Make sure that nobody but this run has sent it a signal since it was started; raises ``ContainerLost``."""
        if state.started_at is None or self._stopped:
            return
        ours = {str(int(signal.Signals[name])) for name in self._told}
        since, ended = state.started_at, state.finished_at
        for event in self._events.read(["kill"], since, including=ended):
            number = ((event.get("Actor") or {}).get("Attributes") or {}).get("signal")
            if number is not None and number not in ours:
                raise ContainerLost(f"somebody has sent the container signal {number}", where=self.name)

    def stop(self, limit: timedelta) -> StopResult:
        """Send the stop signal, and SIGKILL when the limit (in whole seconds, rounded up) is over."""
        start = time.monotonic()
        self._stopped = True
        with translated(self.name):
            self._client.stop(self.id, timeout=math.ceil(limit.total_seconds()))
        elapsed = timedelta(seconds=time.monotonic() - start)
        try:
            return StopResult(self.wait_exit(_SETTLED_WITHIN), elapsed)
        except WaitExpired:
            call = f"POST /containers/{self.id[:12]}/stop"
            raise EngineError(f"{call} had no effect, whatever the engine said: it runs", where=self.name) from None

    def signal(self, name: str) -> None:
        """Send a signal, ``SIGSTOP`` for instance, to the first process.

        Raises:
            EngineError: The engine refused, or has no event of it though it said that it did.
        """
        self.send_signal(name)
        self.require_signalled(name)

    def send_signal(self, name: str) -> None:
        """Send a signal, where there is no time to lose before what comes next; ``require_signalled`` has to follow.

        Raises:
            EngineError: The engine refused.
        """
        self._told[name] = self.state().started_at
        with translated(self.name):
            self._client.kill(self.id, signal=name)

    def require_signalled(self, name: str) -> None:
        """Make sure that a signal was sent: soon, as engines remember a few events only, and each probe makes three.

        Raises:
            EngineError: The engine has no event of it though it said that it sent it.
        """
        since = self._told[name]
        deadline = time.monotonic() + _SETTLED_WITHIN.total_seconds()
        while since is not None and not self._was_signalled(name, since):
            if time.monotonic() > deadline:
                call = f"POST /containers/{self.id[:12]}/kill"
                what = f"the engine has no event of {call}, though it said that it sent {name}"
                raise EngineError(what, where=self.name)
            time.sleep(_SHORTEST_PAUSE.total_seconds())

    def _was_signalled(self, name: str, since: datetime) -> bool:
        events = self._events.read(["kill"], since)
        numbers = [((event.get("Actor") or {}).get("Attributes") or {}).get("signal") for event in events]
        # Podman does not say which signal it was.
        return bool({str(int(signal.Signals[name])), None}.intersection(numbers))

    def require_left_alone(self) -> ContainerState:
        """Its state, which nobody else has brought about: not by a pause, a signal, or for want of memory.

        More memory than this run has given it is its own doing.

        Raises:
            ContainerLost: Somebody has.
        """
        state = self.state()
        self._require_left_alone(state)
        self.require_never_paused()
        host: Any = self._document.get("HostConfig") or {}
        limited = bool(host.get("Memory"))
        if state.ended and not self._stopped and state.exit_code == _KILLED and not (state.oom_killed and limited):
            # A process does not kill itself: the kernel does, or who does not ask the engine.
            raise ContainerLost(f"was killed{' for want of memory' if state.oom_killed else ''}", where=self.name)
        return state

    def require_never_paused(self) -> None:
        """Make sure that nobody has paused it since it was started, not even for a moment.

        Raises:
            ContainerLost: Somebody has.
        """
        since = self.state().started_at
        if since is not None and self._events.read(["pause"], since):
            raise ContainerLost("somebody has paused the container", where=self.name)

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        limit: timedelta = _COMMAND_LIMIT,
    ) -> CommandResult:
        """Run a command inside, by its argv: no shell is involved.

        Raises:
            CommandNotRun: It could not be started: a missing executable, an unknown user.
            CommandTimedOut: It did not end in time.
            ContainerLost: The container is gone, or ended meanwhile.
        """
        execution = Execution(self._client, self.id, self.name)
        return execution.run(argv, user=user, environment=environment, limit=limit)

    def python(
        self, code: str, *arguments: str, interpreter: str = "/usr/bin/python3.11", limit: timedelta = _COMMAND_LIMIT
    ) -> CommandResult:
        """Run code with the image's own interpreter; raises what ``run`` raises."""
        return self.run((interpreter, "-c", code, *arguments), limit=limit)

    def health_timeline(self) -> HealthTimeline:
        """The container's health since it was started last.

        The engine keeps its last few hundred events only; what this object has fetched once it remembers.

        Raises:
            ContainerLost: It was not always healthy, and somebody has sent it a signal or removed it: a probe that was
                on its way then has failed for that.
            EngineError: The container never started.
        """
        try:
            timeline = self._health.timeline()
        except EngineError:
            self._require_unsignalled(self.state())
            raise
        if HealthStatus.UNHEALTHY in timeline.statuses:
            self._require_unsignalled(self.state())
        return timeline

    def _inspect(self) -> dict[str, object]:
        from docker.errors import NotFound  # noqa: PLC0415

        try:
            with translated(self.name):
                document = dict(self._client.inspect_container(self.id))
                require_container(document, self.id, self.name)
                return document
        except EngineError as error:
            if isinstance(error.__cause__, NotFound):
                raise ContainerLost("the container is gone", where=self.name) from error
            raise

    def _only_port(self) -> Port:
        ports = list(parse_addresses(self._document)) or list(parse_addresses(self._inspect()))
        if len(ports) != 1:
            raise EngineError(f"{len(ports)} ports are published; say which one is meant", where=self.name)
        return ports[0]

    def _last_lines(self) -> str:
        try:
            lines = self.logs(tail=5).strip().splitlines()
        except EngineError:
            return ""
        shown = "\n".join(f"{line[:_LINE]}…" if len(line) > _LINE else line for line in lines)
        return f"; its last lines: {shown}" if shown else "; it logged nothing"


def _pause(waited: float) -> timedelta:
    """Sleep until the next look of a wait that has lasted so many seconds; how long that was meant to be."""
    shortest, longest = _SHORTEST_PAUSE.total_seconds(), _LONGEST_PAUSE.total_seconds()
    pause = min(max(waited * _PART_OF_THE_WAIT, shortest), longest)
    time.sleep(pause)
    return timedelta(seconds=pause)
