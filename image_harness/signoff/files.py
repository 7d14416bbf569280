"""What a sign-off writes, and where."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image_harness.errors import HarnessError
from image_harness.replacing import replace_file

REPORT: Final = "report.json"
SBOM: Final = "sbom.cdx.json"
STATEMENT: Final = "statement.json"
ENVELOPE: Final = "test-result.dsse.json"
BUNDLE: Final = "test-result.sigstore.json"
DECISION: Final = "sign-off.json"
_REPORTS: Final = (REPORT, "report.md", "report.html", "junit.xml", "pytest.log")
_WRITTEN: Final = (*_REPORTS, SBOM, STATEMENT, ENVELOPE, BUNDLE, DECISION)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one sign-off."""

    path: Path

    def prepare(self) -> None:
        """Make the folder, and take away what an earlier sign-off left: it speaks of another run.

        Raises:
            HarnessError: It is no folder, or cannot be written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name in _WRITTEN:
                (self.path / name).unlink(missing_ok=True)
            if not os.access(self.path, os.W_OK):
                raise HarnessError("cannot be written to", where=str(self.path), fix="name another folder with --out")
        except OSError as error:
            what = f"cannot be written to: {error.strerror}"
            raise HarnessError(what, where=str(self.path), fix="name another folder with --out") from None

    def write(self, name: str, content: bytes) -> None:
        """Write one file in one step.

        Raises:
            HarnessError: It cannot be written; there may be no room for it.
        """
        target = self.path / name
        try:
            replace_file(target, content)
        except OSError as error:
            raise HarnessError(f"cannot be written: {error.strerror}", where=str(target)) from None

    def write_document(self, name: str, document: Mapping[str, object]) -> None:
        """Write one JSON file."""
        self.write(name, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())

    def read(self, name: str) -> bytes:
        """Read one file back.

        Raises:
            HarnessError: It is not there.
        """
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            fix = "name the folder that image-harness sign-off wrote"
            raise HarnessError(f"cannot be read: {error.strerror}", where=str(self.path / name), fix=fix) from None
