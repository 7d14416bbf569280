"""Samples as JSON values, as every store keeps them."""

from __future__ import annotations

from pydantic import TypeAdapter

from resource_monitor.models import Sample

SAMPLE = TypeAdapter(Sample)
"""Reads and writes samples."""
