"""Checks a built container image against its design, as data and as a running container."""

from __future__ import annotations

from image_harness.marks import asks, requirement
from image_harness.subject import Subject

__version__ = "0.1.0"

__all__ = ["Subject", "__version__", "asks", "requirement"]
