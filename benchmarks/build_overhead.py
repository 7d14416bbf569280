"""What building through buildx/ costs on top of the same `docker buildx build` typed by hand.

    python3 benchmarks/build_overhead.py [--rounds N] [--cached]

Both build Dockerfile.monitor on the same bases, with the same arguments and outputs, every step anew; the order changes
from round to round. `--cached` times a rebuild with nothing changed instead. Needs an engine, and an earlier build for
the bases. Exit code 1 when the ratio is above the limit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.05
TAGS = {"by hand": "image-harness-benchmark/build:by-hand", "buildx/": "image-harness-benchmark/build:driver"}
REVISION = "0123456789abcdef0123456789abcdef01234567"
DATE = "2026-01-01T00:00:00Z"


def by_hand(record: Path, *, cached: bool) -> list[str]:
    """The command that a person types, on the bases and with the client of the build on record."""
    content = json.loads(record.read_text())
    contexts = {content["bases"][role]["name"]: content["bases"][role]["context"] for role in ("builder", "runtime")}
    arguments = {"VERSION": "1.0.0", "VCS_REF": REVISION, "BUILD_DATE": DATE}
    words = [content["tools"]["client"], "buildx", "build", "--file", "Dockerfile.monitor", "--platform", "linux/arm64"]
    words += ["--progress", "plain", "--provenance", "mode=max", "--tag", TAGS["by hand"]]
    words += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    words += [word for name, context in contexts.items() for word in ("--build-context", f"{name}={context}")]
    return [*words, *([] if cached else ["--no-cache"]), "."]


def through_buildx(record: Path, *, cached: bool) -> list[str]:
    """The same through the driver."""
    words = [sys.executable, "buildx/build.py", "--tag", TAGS["buildx/"], "--vcs-ref", REVISION, "--build-date", DATE]
    return [*words, "--record", str(record), *([] if cached else ["--no-cache"])]


def seconds(command: Sequence[str]) -> timedelta:
    """How long a command takes; it must succeed."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"build_overhead: {' '.join(command[:3])} failed: {done.stderr.strip().splitlines()[-1]}")
    return timedelta(seconds=time.monotonic() - begun)


def main() -> int:
    """Times both, prints both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=1, help="builds of each kind (default: %(default)s)")
    parser.add_argument("--cached", action="store_true", help="time a rebuild with nothing changed")
    options = parser.parse_args()
    record = ROOT / ".build" / "record.json"
    if not record.is_file():
        sys.exit("build_overhead: no build is on record; run python3 buildx/build.py first")
    aside = record.with_name("benchmark-record.json")
    commands = {
        "by hand": by_hand(record, cached=options.cached),
        "buildx/": through_buildx(aside, cached=options.cached),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    try:
        for number in range(options.rounds):
            for name in sorted(commands, reverse=bool(number % 2)):
                times[name].append(seconds(commands[name]).total_seconds())
                print(f"{name:8} {times[name][-1]:7.2f} s", flush=True)
    finally:
        aside.unlink(missing_ok=True)
        client = commands["by hand"][0]
        subprocess.run([client, "image", "rm", *TAGS.values()], check=False, capture_output=True)
    ratio = median(times["buildx/"]) / median(times["by hand"])
    print(
        f"ratio    {ratio:7.3f}   (limit {LIMIT}; median of {options.rounds}, {'cached' if options.cached else 'cold'})"
    )
    return 0 if options.cached or ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
