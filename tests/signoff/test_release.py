"""A run of real checks, a signature that cosign believes: refused, allowed, attached, verified, tampered with."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.report.model import BasesFacts, BaseUse
from image_harness.signoff import files
from image_harness.signoff.registry import OCI_MANIFEST, Registry
from image_harness.signoff.repository import Repository
from image_harness.signoff.statement import PREDICATE_TYPE
from image_harness.types import Digest
from tests.signoff.registry_server import program, serving
from tests.signoff.small import make_small

pytestmark = pytest.mark.engine


def test_an_image_on_its_way_to_those_who_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "a password of this test")
    monkeypatch.setenv("HOME", str(tmp_path))
    subprocess.run([program("cosign"), "generate-key-pair"], cwd=tmp_path, check=True, capture_output=True)
    key, public_key = tmp_path / "cosign.key", tmp_path / "cosign.pub"
    small = make_small(tmp_path)
    small.bases = BasesFacts(BaseUse.STAND_IN)
    built = small.build()
    out = str(small.out)
    sign_off = ["sign-off", "--source", str(small.root), "--image", f"oci:{small.root}/.build/image", "--out", out]
    sign_off += ["--key", str(key), "-q"]

    assert main(sign_off) == 1
    printed = capsys.readouterr().out
    assert "may not ship, 1 reason:" in printed
    assert "1. bases.stand-in: not built on the upstream images: stand-in for base:1" in printed
    assert not (small.out / files.STATEMENT).exists()

    assert main([*sign_off, "--allow", "bases.stand-in=no registry is in reach"]) == 0

    with serving(tmp_path) as address:
        digest = Digest(built.descriptor["digest"])
        image = f"{address}/lucid/rdp-monitor@{digest}"
        with Registry(Repository(address, "lucid/rdp-monitor")) as registry:
            for blob in (*built.blobs, built.config):
                registry.push_blob(blob)
            registry.push_manifest(digest, built.manifest, OCI_MANIFEST)
        assert main(["attach", out, image]) == 0

        cosign = [program("cosign"), "verify-attestation", "--key", str(public_key), "--insecure-ignore-tlog=true"]
        done = subprocess.run([*cosign, "--type", PREDICATE_TYPE, image], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        policy = tmp_path / "policy.yaml"
        policy.write_text(f"keys: [cosign.pub]\ndesign: {small.subject.design}\nallow: [bases.stand-in]\n")
        assert main(["verify", image, "--policy", str(policy)]) == 0

    bundle = small.out / files.BUNDLE
    document = json.loads(bundle.read_bytes())
    payload = document["dsseEnvelope"]["payload"]
    document["dsseEnvelope"]["payload"] = payload[:-8] + "AAAA" + payload[-4:]
    bundle.write_text(json.dumps(document))
    capsys.readouterr()
    assert main(["verify", image, "--from", out, "--key", str(public_key)]) == 2
    assert "altered after it was signed" in capsys.readouterr().err
