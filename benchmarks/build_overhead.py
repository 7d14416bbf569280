"""What building through buildx/ costs: on top of the same `docker buildx build` typed by hand, and for a changed file.

    python -m benchmarks build_overhead [--rounds N] [cold|unchanged|changed]...

cold        every step anew, by hand and through buildx/, in an order that changes from round to round; prints both and
            their ratio, which may be 1.05.
unchanged   the same with everything in BuildKit's cache: what the driver itself takes.
changed     through buildx/ after one file of the application has changed, in a copy of the source; may be 10 s.

Needs an engine, and an earlier build for the bases.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / ".build" / "record.json"
RATIO_LIMIT = 1.05
CHANGED_LIMIT = 10.0
REPOSITORY = "image-harness-benchmark/build"
REVISION = "0123456789abcdef0123456789abcdef01234567"
DATE = "2026-01-01T00:00:00Z"


def by_hand(*options: str) -> list[str]:
    """The command that a person types, on the bases and with the client of the build on record."""
    content = json.loads(RECORD.read_text())
    contexts = {content["bases"][role]["name"]: content["bases"][role]["context"] for role in ("builder", "runtime")}
    arguments = {"VERSION": "1.0.0", "VCS_REF": REVISION, "BUILD_DATE": DATE}
    words = [content["tools"]["client"], "buildx", "build", "--file", "Dockerfile.monitor", "--platform", "linux/arm64"]
    words += ["--progress", "plain", "--provenance", "mode=max", "--tag", f"{REPOSITORY}:by-hand"]
    words += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    words += [word for name, context in contexts.items() for word in ("--build-context", f"{name}={context}")]
    return [*words, *options, "."]


def through_buildx(record: Path, *options: str) -> list[str]:
    """The same through the driver."""
    words = [sys.executable, "buildx/build.py", "--tag", f"{REPOSITORY}:driver"]
    return [*words, "--vcs-ref", REVISION, "--build-date", DATE, "--record", str(record), *options]


def seconds(command: Sequence[str], folder: Path = ROOT) -> float:
    """How long a command takes; it must succeed."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"build_overhead: {' '.join(command[:3])} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return time.monotonic() - begun


def compare(rounds: int, aside: Path, *options: str) -> float:
    """Builds both ways and prints each time.

    Returns:
        The ratio of the medians, buildx/ to by hand.
    """
    commands = {"by hand": by_hand(*options), "buildx/": through_buildx(aside / "record.json", *options)}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds):
        for name in sorted(commands, reverse=bool(number % 2)):
            times[name].append(seconds(commands[name]))
            print(f"{name:8} {times[name][-1]:7.2f} s", flush=True)
    return median(times["buildx/"]) / median(times["by hand"])


def changed(rounds: int, aside: Path) -> float:
    """Builds a copy of the source again and again, with another change each time.

    Returns:
        The median time in seconds.
    """
    for part in ("buildx", "monitor_service"):
        shutil.copytree(ROOT / part, aside / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("Dockerfile.monitor*"):
        shutil.copy(file, aside)
    (aside / ".build").mkdir()
    (aside / ".build" / "bases").symlink_to(ROOT / ".build" / "bases")
    command = through_buildx(aside / "record.json")
    seconds(command, aside)
    times = []
    for number in range(rounds):
        with (aside / "monitor_service" / "resource_monitor" / "main.py").open("a") as source:
            source.write(f"# {number} {time.time()}\n")
        times.append(seconds(command, aside))
        print(f"changed  {times[-1]:7.2f} s", flush=True)
    return median(times)


def main(arguments: Sequence[str]) -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(prog="build_overhead", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", choices=("cold", "unchanged", "changed"), default=("cold", "changed"))
    parser.add_argument("--rounds", type=int, default=1, help="builds of each kind (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not RECORD.is_file():
        sys.exit("build_overhead: no build is on record; run python3 buildx/build.py first")
    client = by_hand()[0]
    try:
        with tempfile.TemporaryDirectory(prefix="build-overhead-") as folder:
            for what in options.what:
                _measure(what, options.rounds, Path(folder))
    finally:
        names = [f"{REPOSITORY}:by-hand", f"{REPOSITORY}:driver"]
        subprocess.run([client, "image", "rm", *names], check=False, capture_output=True)


def _measure(what: str, rounds: int, aside: Path) -> None:
    if what == "changed":
        print(f"median   {changed(rounds, aside):7.2f} s   (limit {CHANGED_LIMIT} s)")
        return
    cold = what == "cold"
    ratio = compare(rounds, aside, *(["--no-cache"] if cold else []))
    print(f"ratio    {ratio:7.3f}   ({f'limit {RATIO_LIMIT}' if cold else 'no limit'})")


if __name__ == "__main__":
    main(sys.argv[1:])
