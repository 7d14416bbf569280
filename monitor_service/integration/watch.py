"""Knows which sibling services are reachable, without anybody having to wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.problems import describe
from integration.siblings import Sibling, SiblingError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SiblingState:
    """What was last seen of a sibling.

    Attributes:
        name: What it is called.
        problem: Why it is not reachable; none when it is.
    """

    name: str
    problem: str | None


class SiblingWatch:
    """Asks each sibling again and again, each at its own pace.

    Args:
        siblings: Whom to ask.
        interval: The time between two rounds.
    """

    def __init__(self, siblings: Sequence[Sibling], interval: timedelta) -> None:
        self._siblings = siblings
        self._interval = interval
        self._states = {sibling.name: SiblingState(sibling.name, "not asked yet") for sibling in siblings}

    @property
    def states(self) -> list[SiblingState]:
        """What was last seen of each."""
        return list(self._states.values())

    async def run(self) -> None:
        """Ask until cancelled."""
        await asyncio.gather(*(self._follow(sibling) for sibling in self._siblings))

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(sibling.close() for sibling in self._siblings), return_exceptions=True)

    async def _follow(self, sibling: Sibling) -> None:
        while True:
            self._note(SiblingState(sibling.name, await _problem(sibling)))
            await asyncio.sleep(self._interval.total_seconds())

    def _note(self, state: SiblingState) -> None:
        before = self._states[state.name]
        self._states[state.name] = state
        if state.problem is None and before.problem is not None:
            _log.info("%s is reachable", state.name)
        elif state.problem not in (None, before.problem):
            _log.warning("%s is not reachable: %s; going on without it", state.name, state.problem)


async def _problem(sibling: Sibling) -> str | None:
    try:
        await sibling.check()
    except SiblingError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever the HTTP client raises, the sibling is not reachable
        return describe(error)
    return None
