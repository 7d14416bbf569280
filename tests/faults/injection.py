"""What goes wrong in a call of a run, and what happens at one."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.proxy import Proxy


class Fault(enum.StrEnum):
    """What goes wrong with a call."""

    REFUSED = "refused"
    """The connection is closed at once; the engine never hears of the call."""
    DELAYED = "delayed"
    """The engine does it and its answer never comes."""
    STALLED = "stalled"
    """Half of the answer comes, and then nothing."""
    CUT = "cut"
    """Half of the answer comes, and the connection is closed."""
    FAILED = "failed"
    """The answer is 500, with a message; the engine never hears of the call."""
    OTHERS = "another's"
    """The answer is the one about another container or image."""


@dataclass(frozen=True)
class Injection:
    """One fault in one call.

    Attributes:
        call: The call, as ``call_name`` has it.
        fault: What goes wrong.
        nth: Which of these calls, counted from 1; None for every one.
    """

    call: str
    fault: Fault
    nth: int | None = 1

    def hits(self, call: str, number: int) -> bool:
        """Whether this is the call."""
        return call == self.call and self.nth in (None, number)

    def __str__(self) -> str:
        return f"{self.call} {self.fault} {'every time' if self.nth is None else f'(no. {self.nth})'}"


@dataclass(frozen=True)
class Moment:
    """A moment of a run: when it makes a call, before the engine hears of it.

    Attributes:
        call: The call, as ``call_name`` has it.
        nth: Which of these calls, counted from 1.
        happens: What happens then, told the proxy and whom the call is about: an id or a name, empty for nobody.
        meant: Whether a call is meant, told the proxy and the call's whole target; the first meant one is the moment.
    """

    call: str
    nth: int
    happens: Callable[[Proxy, str], object]
    meant: Callable[[Proxy, str], bool] = lambda _, __: True
