"""What a repository says of itself, outside of a test run: in its ``conftest.py``, and in its Dockerfile."""

from __future__ import annotations

import inspect
import runpy
import sys
from pathlib import Path
from typing import Final

from image_harness.dockerfile.parser import build_arguments, parse_dockerfile
from image_harness.errors import HarnessError
from image_harness.subject import Subject

_HOOK: Final = "pytest_image_harness_subject"
_VERSION: Final = "VERSION"


def subject_of(root: Path) -> Subject:
    """Ask a repository to introduce itself, as pytest would.

    Raises:
        HarnessError: It has no ``conftest.py`` that does, or that fails.
    """
    conftest = root / "conftest.py"
    fix = "run this in the repository of the image, or name its folder"
    if not conftest.is_file():
        raise HarnessError("there is no such file", where=str(conftest), fix=fix)
    subject = _introduced(conftest)
    if not isinstance(subject, Subject):
        raise HarnessError(f"it has no {_HOOK} that returns a Subject", where=str(conftest), fix=fix)
    return subject


def _introduced(conftest: Path) -> object:
    # The checks run from the repository's root, so that what stands beside the file can be imported.
    beside = str(conftest.parent)
    sys.path.insert(0, beside)
    try:
        hook = runpy.run_path(str(conftest)).get(_HOOK)
        # pytest gives a hook what it asks for by name; there is none of that here.
        return hook(**dict.fromkeys(inspect.signature(hook).parameters)) if callable(hook) else None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is somebody else's code
        raise HarnessError(f"it fails: {type(error).__name__}: {error}", where=str(conftest), fix="mend it") from None
    finally:
        sys.path.remove(beside)


def source_version(dockerfile: Path | None) -> str | None:
    """The version that a Dockerfile gives the image when nobody names one: the default of ``ARG VERSION``.

    Raises:
        HarnessError: The Dockerfile cannot be read.
    """
    if dockerfile is None:
        return None
    parsed = parse_dockerfile(dockerfile)
    steps = [step for stage in parsed.stages for step in stage.all("ARG")]
    declared = [*parsed.arguments, *(argument for step in steps for argument in build_arguments(step))]
    given = [argument.default for argument in declared if argument.name == _VERSION and argument.default is not None]
    return given[-1] if given else None
