"""The calls of a run and their faults, as the table of docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.cases import CALLS, Call
from tests.faults.injection import Fault

_FAULTS = (Fault.REFUSED, Fault.DELAYED, Fault.STALLED, Fault.CUT, Fault.FAILED, Fault.OTHERS)
_TITLES = {Fault.FAILED: "500"}


def table() -> str:
    """All calls, a line each."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    titles = [_TITLES.get(fault, str(fault)) for fault in _FAULTS]
    yield f"| call | {' | '.join(titles)} | besides |"
    yield "|---" * (len(_FAULTS) + 2) + "|"
    for call in CALLS:
        cells = ["x" if fault in call.faults else "" for fault in _FAULTS]
        yield f"| `{call.name}` | {' | '.join(cells)} | {_besides(call)} |"


def _besides(call: Call) -> str:
    said = []
    if call.harmless:
        said.append(f"changes no verdict: {call.harmless}")
    if call.no_other:
        said.append(f"no other's: {call.no_other}")
    return "; ".join(said)
