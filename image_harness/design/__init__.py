"""The design as data: expected values and the catalogue of requirements."""

from __future__ import annotations

from image_harness.design.catalogue import Item, TracedLine
from image_harness.design.loader import Design, load_design
from image_harness.design.model import FileDesign, Requirement, Section

__all__ = ["Design", "FileDesign", "Item", "Requirement", "Section", "TracedLine", "load_design"]
