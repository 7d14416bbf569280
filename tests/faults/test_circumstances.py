"""What happens to a container or to the machine in the middle of a run proves nothing and is told."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.faults.calls import about
from tests.faults.conftest import Ground, Started
from tests.faults.injection import Moment
from tests.faults.proxy import Proxy
from tests.faults.runs import require_well_ended
from tests.faults.small_image import PORT

pytestmark = [pytest.mark.engine(image=False), pytest.mark.timeout(600)]

_SHARED = "checks/test_shared.py"
_SCENARIOS = "checks/test_scenarios.py"
_MIB = 1 << 20
# What of the bad image is as it should be, whatever happens.
_RIGHT_IN_BOTH = {"shared.answers", "shared.health-first"}
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
class Phase:
    """A part of a run.

    Attributes:
        name: What it is called.
        checks: What the run looks at.
        call: The call of the run by which it is known.
        nth: Which of these calls.
        shared: Whether it happens to the shared container, which is the first; else to the one that the call is about.
        meant: Whether a call is meant, told the proxy and the call's target.
    """

    name: str
    checks: str
    call: str
    nth: int
    shared: bool = False
    meant: Callable[[Proxy, str], bool] = lambda _, __: True

    def moment(self, ground: Ground, deed: Deed) -> Moment:
        """The moment in which something happens to its container."""

        def happens(proxy: Proxy, container: str) -> None:
            deed(ground, proxy.made[0] if self.shared else container)

        return Moment(self.call, self.nth, happens, self.meant)


@dataclass(frozen=True)
class Circumstance:
    """Something that happens to a container of a run.

    Attributes:
        deed: What happens.
        phase: When, and to which container.
        words: What the user must be told.
        in_bad: Whether the run of the bad image gets so far: one that is never healthy is not made to hang.
    """

    deed: Deed
    phase: Phase
    words: str
    in_bad: bool = True

    def __str__(self) -> str:
        return f"{self.deed.__name__}-{self.phase.name}"


_BOOT = Phase("boot", _SHARED, "GET /containers/{id}/json", 4, shared=True)
_CHECKS = Phase("checks", _SHARED, "POST /containers/{id}/exec", 1)
# Looked into is the one whose integration comes and goes.
_SCENARIO = Phase("scenario", f"{_SCENARIOS}::test_integration", "POST /containers/{id}/exec", 1)
_STALL = Phase(
    "stall",
    f"{_SCENARIOS}::test_stalls",
    "GET /containers/{id}/json",
    1,
    meant=lambda proxy, target: bool(proxy.halted) and about(target) == proxy.halted,
)
_TEARDOWN = Phase(
    "teardown", _SHARED, "DELETE /containers/{id}", 1, meant=lambda proxy, target: proxy.made[0] in target
)
_KILLED = "somebody has sent the container signal 9"
_PAUSED = "somebody has paused the container"
_GONE = "the container is gone"
CIRCUMSTANCES = [
    Circumstance(kill, _BOOT, _KILLED),
    Circumstance(kill, _CHECKS, "does not run"),
    Circumstance(kill, _SCENARIO, _KILLED),
    Circumstance(kill, _STALL, "is not running", in_bad=False),
    Circumstance(pause, _BOOT, _PAUSED),
    Circumstance(pause, _CHECKS, "paused"),
    Circumstance(pause, _SCENARIO, "paused"),
    Circumstance(pause, _STALL, _PAUSED, in_bad=False),
    Circumstance(remove, _BOOT, _GONE),
    Circumstance(remove, _CHECKS, "does not run"),
    Circumstance(remove, _SCENARIO, _GONE),
    Circumstance(fill_memory, _CHECKS, "does not run"),
]


@pytest.fixture(scope="module")
def pairs(ground: Ground) -> Iterator[Callable[[Deed, Phase], tuple[Started, Started]]]:
    """Runs of the good and of the bad image under a circumstance, side by side."""
    with ThreadPoolExecutor(2) as pool:

        def run(deed: Deed, phase: Phase) -> tuple[Started, Started]:
            moments = [phase.moment(ground, deed) for _ in range(2)]
            good, bad = pool.map(
                lambda small, moment: ground.run(small, phase.checks, moment=moment), (ground.good, ground.bad), moments
            )
            return good, bad

        yield run


@pytest.mark.parametrize("circumstance", [pytest.param(found, id=str(found)) for found in CIRCUMSTANCES])
def test_what_happens_to_a_container_proves_nothing(
    circumstance: Circumstance, pairs: Callable[[Deed, Phase], tuple[Started, Started]]
) -> None:
    good, bad = pairs(circumstance.deed, circumstance.phase)
    assert good.injected
    assert bool(bad.injected) is circumstance.in_bad
    for run in (good, bad):
        require_well_ended(run.outcome)
        assert run.outcome.exit_code == 1
    assert bad.outcome.of("met") <= _RIGHT_IN_BOTH
    assert good.outcome.of("not-met") == set(), good.outcome.messages
    lost = [good.outcome.messages[name] for name in good.outcome.of("unproven")]
    assert lost
    assert [message for message in lost if circumstance.words in message], lost


@pytest.mark.parametrize("deed", [kill, pause, remove])
def test_what_was_seen_of_a_container_before_holds(
    deed: Deed, pairs: Callable[[Deed, Phase], tuple[Started, Started]]
) -> None:
    good, bad = pairs(deed, _TEARDOWN)
    for run in (good, bad):
        assert run.injected
        require_well_ended(run.outcome)
    assert good.outcome.red == {}
    assert bad.outcome.of("met") <= _RIGHT_IN_BOTH


def test_a_full_disk_of_the_harness_is_told_before_anything_is_looked_at(ground: Ground) -> None:
    full = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=2m none "$TMPDIR" && exec "$@"', "sh")
    run = ground.run(ground.bad, "checks", prefix=full)
    require_well_ended(run.outcome)
    assert run.outcome.status == {}
    assert run.outcome.exit_code != 0
    assert "No space left on device" in run.outcome.output
