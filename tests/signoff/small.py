"""A small repository and its image: what a sign-off holds against each other."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from image_harness import Subject
from image_harness.design import load_design
from image_harness.report.model import BaseImage, BasesFacts, BaseUse
from image_harness.signoff.files import Folder
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.procedure import Request
from image_harness.signoff.refusal import parse_allowances
from image_harness.signoff.reviews import Review, write_review
from image_harness.types import Digest
from tests.image.builder import ImageBuilder, write_directory
from tests.report.generate import digest
from tests.signoff.made import git

DESIGNS = Path(__file__).parents[2] / "designs"
BASES = ("python:3.11-slim-bookworm", "gcr.io/distroless/python3-debian12:latest")
UPSTREAM = BasesFacts(BaseUse.UPSTREAM, tuple(BaseImage(name, digest("base")) for name in BASES))


@dataclass
class Small:
    """A repository that a good image was built from; spoil what is public before the sign-off."""

    root: Path
    out: Path
    bases: BasesFacts = UPSTREAM

    @property
    def subject(self) -> Subject:
        return Subject(
            self.root, self.root / "designs/rdp-monitor.yaml", self.root / "checks", self.root / "Dockerfile"
        )

    def commit(self) -> str:
        git(self.root, "add", ".")
        git(self.root, "commit", "-q", "--allow-empty", "-m", "x")
        return git(self.root, "rev-parse", "HEAD")

    def build(self, **labels: str) -> ImageBuilder:
        """Build the image of the checkout, as the build command would."""
        commit = git(self.root, "rev-parse", "HEAD")
        named = {"revision": commit, "version": "1.0.0", **labels}
        built = ImageBuilder(run={"Labels": {f"org.opencontainers.image.{key}": text for key, text in named.items()}})
        built.layer({"app": b"content"}, "stand-in for base:1" if self.bases.use is BaseUse.STAND_IN else "COPY app /")
        write_directory(built.layout(), self.root / ".build/image")
        made = Digest(built.descriptor["digest"])
        fingerprint = hashlib.sha256((self.root / "Dockerfile").read_bytes()).hexdigest()
        record = {
            "schema": 1,
            "image": {"manifest_digest": str(made)},
            "inputs": {"dirty": False, "files": {"Dockerfile": fingerprint}},
        }
        (self.root / ".build/record.json").write_text(json.dumps(record))
        return built

    def request(self, key: PrivateKey | None, *allow: str) -> Request:
        return Request(
            self.subject, f"oci:{self.root}/.build/image", "docker", Folder(self.out), parse_allowances(allow), key
        )


CONFTEST = """
from pathlib import Path
from image_harness import Subject

ROOT = Path(__file__).parent

def pytest_image_harness_subject():
    return Subject(ROOT, ROOT / "designs/rdp-monitor.yaml", ROOT / "checks", ROOT / "Dockerfile")
"""


def checks() -> str:
    """A module of checks, one for each kind of evidence, that find every requirement of the design met."""
    groups: dict[str, list[str]] = defaultdict(list)
    for item in load_design(DESIGNS / "rdp-monitor.yaml").catalogue:
        groups[f"{item.evidence}{'_release' if item.release else ''}"].append(item.id)
    functions = [f"@requirement(*{ids})\ndef test_{kind}(image):\n    assert image\n" for kind, ids in groups.items()]
    return "\n\n".join(["from image_harness import requirement\n", *functions])


def pins(pinned: Digest) -> str:
    """A lock file that pins every base of the design to one digest."""
    return "".join(["version = 1\n", *(f'[upstream."{name}"]\ndigest = "{pinned}"\n' for name in BASES)])


def make_small(folder: Path) -> Small:
    """Make the repository, commit it and build its image."""
    root = folder / "source"
    for name in ("designs", "checks", "buildx", ".build"):
        (root / name).mkdir(parents=True)
    for name in ("family.yaml", "rdp-monitor.yaml"):
        (root / "designs" / name).write_bytes((DESIGNS / name).read_bytes())
    (root / "Dockerfile").write_text("FROM base:1\nARG VERSION=1.0.0\n")
    (root / "buildx/bases.lock").write_text(pins(digest("base")))
    (root / ".gitignore").write_text(".build/\n__pycache__/\n")
    (root / "conftest.py").write_text(CONFTEST)
    (root / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")
    (root / "checks/test_all.py").write_text(checks())
    design = load_design(root / "designs/rdp-monitor.yaml")
    write_review(root / "designs/reviewed.lock", design.name, Review(design.digest, date(2026, 3, 1)))
    git(root, "init", "-q")
    small = Small(root, folder / "out")
    small.commit()
    small.build()
    return small
