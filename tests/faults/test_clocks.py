"""A clock that is set in the middle of a run: this machine's changes no verdict, the engine's makes no times of two."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.faults.conftest import Ground
from tests.faults.injection import Moment
from tests.faults.proxy import Proxy
from tests.faults.runs import require_well_ended

pytestmark = [pytest.mark.engine(image=False), pytest.mark.timeout(600)]

_SHARED = "checks/test_shared.py"
_HOUR = 3600


@pytest.mark.parametrize("step", [-_HOUR, _HOUR])
@pytest.mark.parametrize(
    "call",
    ["GET /images/{name}/get", "POST /containers/{id}/start", "POST /containers/{id}/exec", "DELETE /containers/{id}"],
    ids=["image", "boot", "checks", "teardown"],
)
def test_a_clock_that_is_set_changes_no_verdict(ground: Ground, step: int, call: str) -> None:
    set_clock = Moment(call, 1, lambda proxy, _: os.kill(proxy.asking, signal.SIGUSR1))
    run = ground.run(ground.good, _SHARED, moment=set_clock, environment={"SMALL_CLOCK_STEP": str(step)})
    assert run.injected
    require_well_ended(run.outcome)
    assert run.outcome.red == {}
    assert run.outcome.exit_code == 0


@pytest.mark.parametrize("step", [-_HOUR, _HOUR])
def test_times_of_an_engine_whose_clock_was_set_are_not_compared(ground: Ground, step: int) -> None:
    def set_clock(proxy: Proxy, _: str) -> None:
        proxy.clock_set_by = step

    run = ground.run(ground.good, _SHARED, moment=Moment("GET /containers/{id}/json", 4, set_clock))
    assert run.injected
    require_well_ended(run.outcome)
    assert run.outcome.of("not-met") == set(), run.outcome.messages
    assert run.outcome.of("unproven") == {"shared.health"}, run.outcome.messages
    told = re.search(r"the engine's clock was set by ([-+]\d+) s", run.outcome.messages["shared.health"])
    # Engines tell the time in whole seconds.
    assert told is not None
    assert abs(int(told[1]) - step) <= 1
