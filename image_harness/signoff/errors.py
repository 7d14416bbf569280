"""Why something that claims to be a sign-off is not one."""

from __future__ import annotations

from image_harness.errors import HarnessError


class NotVerifiedError(HarnessError):
    """A signature, a statement or what a registry gave does not prove what it should."""
