"""Runs benchmarks: ``python -m benchmarks [NAME [ARGUMENTS...]]``; without a name, all of them one after the other."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from image_harness.errors import HarnessError

NAMES = (
    "static_run",
    "whole_run",
    "false_alarms",
    "image_reading",
    "image_memory",
    "design_scale",
    "peers",
    "trend",
    "build_overhead",
)
# Reads what something else has measured, and is run by name only.
BY_NAME = ("mutation_score",)


def main(arguments: list[str]) -> int:
    """Run the benchmark that is named, or all."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(f"{__doc__}\n\nThere are {', '.join(NAMES + BY_NAME)}.")
        return 0
    if arguments and arguments[0] not in NAMES + BY_NAME:
        print(f"benchmarks: there is no {arguments[0]!r}; there are {', '.join(NAMES + BY_NAME)}", file=sys.stderr)
        return 2
    for name in arguments[:1] or NAMES:
        print(f"== {name}", flush=True)
        try:
            import_module(f"benchmarks.{name}").main(arguments[1:])
        except (HarnessError, subprocess.CalledProcessError) as error:
            print(f"benchmarks: {name}: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
