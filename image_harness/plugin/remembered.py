"""Properties that are worked out once, whatever comes of it."""

from __future__ import annotations

import functools
import threading
from typing import Any, TypeVar, overload

from image_harness.errors import HarnessError

T_co = TypeVar("T_co", covariant=True)
_FAILURES = "_remembered_failures"
_LOCKS = "_remembered_locks"


class NothingToLookAtError(Exception):
    """A check asked for evidence that this run has no access to; it is unproven."""


class remembered(functools.cached_property[T_co]):  # noqa: N801 - used as a decorator
    """A cached property that fails again as it has failed before, and that threads wait for together.

    What could not be had is not asked for once more: a second try might give what the first did not, and nobody would
    be told.
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> remembered[T_co]: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T_co: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> remembered[T_co] | T_co:
        """The value, or the failure."""
        if instance is None:
            return self
        failures: dict[str | None, Exception] = vars(instance).setdefault(_FAILURES, {})
        locks: dict[str | None, threading.RLock] = vars(instance).setdefault(_LOCKS, {})
        with locks.setdefault(self.attrname, threading.RLock()):
            if self.attrname in failures:
                raise failures[self.attrname]
            if self.attrname in vars(instance):
                return vars(instance)[self.attrname]  # type: ignore[no-any-return]
            try:
                found = self.func(instance)
            except (HarnessError, NothingToLookAtError) as error:
                failures[self.attrname] = error
                raise
            vars(instance)[str(self.attrname)] = found
            return found
