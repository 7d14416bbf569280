"""The same assertions as other tools express them, on the same images, in one run.

    python -m benchmarks peers [--out DIR] [--rounds N]

Compares container-structure-test, goss (Debian 13's package, emulated where the image is for another architecture) and
testinfra with the harness: which of them can express an assertion, which of the mutants' defects each sees, seconds,
peak memory. Then the 21 checks that container-structure-test was made for: ten packages that are
there, ten that import, one of the configuration. Writes ``peers.json``, what was measured, and what is made from it:
``peers.md`` and ``peers.svg``. Needs an engine on this machine that has the image, and root.
"""

from __future__ import annotations

from benchmarks.peers.command import main

__all__ = ["main"]
