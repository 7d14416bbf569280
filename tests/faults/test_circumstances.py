"""What happens to a container or to the machine in the middle of a run proves nothing and is told."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import Ground, Started
from tests.faults.proxy import Moment, Proxy
from tests.faults.small_image import PORT

pytestmark = [pytest.mark.engine(image=False), pytest.mark.timeout(600)]

_BOUND = 90.0
_SHARED = "checks/test_shared.py"
_MIB = 1 << 20
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# What of the bad image is as it should be, whatever happens.
_RIGHT_IN_BOTH = {"image.working-directory", "shared.answers", "shared.health-first", "scenario.deployed"}
Deed = Callable[[Ground, str], object]


def kill(ground: Ground, name: str) -> None:
    ground.engine.kill(name)


def pause(ground: Ground, name: str) -> None:
    ground.engine.pause(name)


def remove(ground: Ground, name: str) -> None:
    ground.engine.remove_container(name, force=True, v=True)


def fill_memory(ground: Ground, name: str) -> None:
    ground.engine.update_container(name, mem_limit=64 * _MIB, memswap_limit=64 * _MIB)
    address = ground.engine.inspect_container(name)["NetworkSettings"]["Ports"][f"{PORT}/tcp"][0]
    connection = http.client.HTTPConnection(address["HostIp"], int(address["HostPort"]), timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/grow")
        connection.getresponse()


@dataclass(frozen=True)
class Circumstance:
    """Something that happens to the shared container.

    Attributes:
        deed: What happens.
        call: Before which call of the run.
        nth: Which of these calls.
        words: What the user must be told.
    """

    deed: Deed
    call: str
    nth: int
    words: str

    def __str__(self) -> str:
        return f"{self.deed.__name__} before {self.call.replace(' ', '')} {self.nth}"


_BOOT = ("GET /containers/{id}/json", 4)
_CHECKS = ("POST /containers/{id}/exec", 1)
CIRCUMSTANCES = [
    Circumstance(kill, *_BOOT, "somebody has sent the container signal 9"),
    Circumstance(kill, *_CHECKS, "does not run"),
    Circumstance(pause, *_BOOT, "somebody has paused the container"),
    Circumstance(pause, *_CHECKS, "paused"),
    Circumstance(remove, *_BOOT, "the container is gone"),
    Circumstance(remove, *_CHECKS, "does not run"),
    Circumstance(fill_memory, *_CHECKS, "does not run"),
]


def happening(ground: Ground, circumstance: Circumstance) -> Moment:
    """The moment at which it happens to the shared container, which is the first that a run makes."""

    def happens(proxy: Proxy) -> None:
        circumstance.deed(ground, proxy.made[0])

    return Moment(circumstance.call, circumstance.nth, happens)


@pytest.fixture(scope="module")
def pairs(ground: Ground) -> Iterator[Callable[[Circumstance], tuple[Started, Started]]]:
    """Runs of the good and of the bad image under a circumstance, side by side."""
    with ThreadPoolExecutor(2) as pool:

        def run(circumstance: Circumstance) -> tuple[Started, Started]:
            moments = [happening(ground, circumstance) for _ in range(2)]
            good, bad = pool.map(
                lambda small, moment: ground.run(small, _SHARED, moment=moment), (ground.good, ground.bad), moments
            )
            return good, bad

        yield run


@pytest.mark.parametrize("circumstance", [pytest.param(found, id=str(found)) for found in CIRCUMSTANCES])
def test_what_happens_to_the_container(
    circumstance: Circumstance, pairs: Callable[[Circumstance], tuple[Started, Started]]
) -> None:
    good, bad = pairs(circumstance)
    for run in (good, bad):
        assert run.injected
        require_well_ended(run)
        assert run.outcome.exit_code == 1
    assert bad.outcome.of("met") <= _RIGHT_IN_BOTH
    assert good.outcome.of("not-met") == set(), good.outcome.messages
    lost = [good.outcome.messages[name] for name in good.outcome.of("unproven")]
    assert lost
    assert [message for message in lost if circumstance.words in message], lost


def require_well_ended(run: Started) -> None:
    """Whatever happened, a run ends in time, leaves nothing, and tells no user of its own insides."""
    assert run.outcome.seconds < _BOUND
    assert run.outcome.left == []
    assert "Traceback" not in run.outcome.output
    assert "INTERNALERROR" not in run.outcome.output


def test_a_full_disk_of_the_harness_is_told_before_anything_is_looked_at(ground: Ground) -> None:
    full = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=2m none "$TMPDIR" && exec "$@"', "sh")
    run = ground.run(ground.bad, "checks", prefix=full)
    require_well_ended(run)
    assert run.outcome.status == {}
    assert run.outcome.exit_code != 0
    assert "No space left on device" in run.outcome.output


@pytest.mark.parametrize("step", [-3600, 3600])
@pytest.mark.parametrize(
    "call",
    ["GET /images/{name}/get", "POST /containers/{id}/start", "POST /containers/{id}/exec", "DELETE /containers/{id}"],
)
def test_a_clock_that_is_set_changes_no_verdict(ground: Ground, tmp_path: Path, step: int, call: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    set_clock = Moment(call, 1, lambda _: clock.write_text(f"{step:+d}"))
    environment = {
        "LD_PRELOAD": str(_FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        # What measures durations nobody can set.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    run = ground.run(ground.good, _SHARED, moment=set_clock, environment=environment)
    assert run.injected
    require_well_ended(run)
    assert run.outcome.of("not-met", "unproven") == set(), run.outcome.messages
    assert run.outcome.exit_code == 0
