"""What is known of siblings is known without asking them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta

from common.addresses import ServiceAddress
from integration.siblings import Sibling, SiblingError
from integration.watch import SiblingState, SiblingWatch

_ADDRESS = ServiceAddress.parse("http://sibling", schemes=["http"])


class Scripted(Sibling):
    """Is well, or raises, in turn; the last one stays."""

    def __init__(self, name: str, *outcomes: Exception | None) -> None:
        super().__init__(name, _ADDRESS)
        self._outcomes = list(outcomes)

    async def check(self) -> None:
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if outcome is not None:
            raise outcome


class Hanging(Sibling):
    """Never answers."""

    async def check(self) -> None:
        await asyncio.sleep(3600)


async def _states_after(watch: SiblingWatch, seconds: float) -> list[SiblingState]:
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(seconds)
    states = watch.states
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await watch.close()
    return states


def test_a_sibling_counts_as_missing_until_it_was_asked() -> None:
    watch = SiblingWatch([Scripted("a", None)], timedelta(seconds=60))
    assert watch.states == [SiblingState("a", "not asked yet")]


def test_one_that_hangs_holds_up_nobody() -> None:
    watch = SiblingWatch([Hanging("a", _ADDRESS), Scripted("b", None)], timedelta(seconds=60))
    begin = time.monotonic()
    states = asyncio.run(_states_after(watch, 0.02))
    assert states == [SiblingState("a", "not asked yet"), SiblingState("b", None)]
    assert time.monotonic() - begin < 1


def test_problems_are_told_in_fixed_words() -> None:
    watch = SiblingWatch([Scripted("a", SiblingError(404)), Scripted("b", TimeoutError())], timedelta(seconds=60))
    assert [state.problem for state in asyncio.run(_states_after(watch, 0.02))] == ["answered 404", "timed out"]


def test_one_that_comes_back_is_seen_again() -> None:
    watch = SiblingWatch([Scripted("a", TimeoutError(), None)], timedelta(milliseconds=1))
    assert asyncio.run(_states_after(watch, 0.05)) == [SiblingState("a", None)]
