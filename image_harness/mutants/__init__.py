"""Mutants: defective images and sources, derived from good ones, that show that every check can say no.

A repository describes its mutants in modules of a folder that its subject names; each defines ``mutants(good)``. A
mutant changes a `Draft` - documents, files, layers, Dockerfile, sources - and names the requirements that must turn
``not-met``. The harness evaluates every check for every mutant and says which mutants were killed.
"""

from __future__ import annotations

from image_harness.mutants.draft import Draft
from image_harness.mutants.files import Node
from image_harness.mutants.good import Good
from image_harness.mutants.making import behaviour, docker, in_stage, mutant, near_misses, refused
from image_harness.mutants.model import Mutant

__all__ = ["Draft", "Good", "Mutant", "Node", "behaviour", "docker", "in_stage", "mutant", "near_misses", "refused"]
