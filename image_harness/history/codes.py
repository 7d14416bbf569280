"""The verdicts of a whole run in one string: a character per requirement, in the order of the run's catalogue.

A store of a thousand nights holds millions of verdicts. As a row each, reading them takes minutes; as a string a run,
it takes a fraction of a second, and two nights that do not differ are told by one comparison.

A lower-case letter is a status that its checks reached at once. A capital one was reached only when a check was tried
again: that is part of the verdict, so nothing that reads a store can lose it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from image_harness.report.model import RequirementResult
from image_harness.types import Status

_LETTERS: Final = {Status.MET: "m", Status.NOT_MET: "n", Status.UNPROVEN: "u", Status.NOT_SELECTED: "-"}
_STATUSES: Final = {letter: status for status, letter in _LETTERS.items()}

MET: Final = _LETTERS[Status.MET]
NOT_SELECTED: Final = _LETTERS[Status.NOT_SELECTED]


def encode(results: Iterable[RequirementResult]) -> str:
    """Return the string of a run's requirements."""
    return "".join(_LETTERS[result.status].upper() if result.retries else _LETTERS[result.status] for result in results)


def status_of(code: str) -> Status:
    """Return the status that a character stands for.

    What was retried is at best unproven, whatever the letter says.

    Raises:
        KeyError: It stands for none.
    """
    status = _STATUSES[code.lower()]
    return Status.UNPROVEN if status is Status.MET and retried(code) else status


def retried(code: str) -> bool:
    """Whether a check of the requirement was tried again."""
    return code.isupper()


def is_bad(code: str) -> bool:
    """Whether a requirement that was to be decided is not met, or not known to be."""
    return code not in (MET, NOT_SELECTED)
