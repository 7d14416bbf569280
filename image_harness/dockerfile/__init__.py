"""A Dockerfile as data: stages, instructions, flags, here-documents, the scope of build arguments."""

from __future__ import annotations

from image_harness.dockerfile.model import BuildArgument, Dockerfile, Instruction, Stage
from image_harness.dockerfile.parser import parse_dockerfile, parse_text

__all__ = ["BuildArgument", "Dockerfile", "Instruction", "Stage", "parse_dockerfile", "parse_text"]
