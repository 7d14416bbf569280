"""A real registry and the real cosign, both of Debian: each believes the other's signatures, and nobody else's.

No transparency log: nothing here leaves this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image_harness.cli import main
from image_harness.signoff import files
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import Envelope
from image_harness.signoff.files import Folder
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.registry import OCI_MANIFEST, Registry, digest_of
from image_harness.signoff.repository import RegistryImage, Repository
from image_harness.signoff.statement import PREDICATE_TYPE, Material
from image_harness.types import Digest
from tests.image.builder import ImageBuilder
from tests.signoff.made import STAND_IN, altered, statement
from tests.signoff.registry_server import blob_file, program, serving

pytestmark = pytest.mark.engine

SBOM = b'{"bomFormat":"CycloneDX","specVersion":"1.6"}'
PASSWORD = "a password of these tests"


@dataclass(frozen=True)
class Place:
    """An image in a running registry, and a key pair that cosign made."""

    folder: Path
    address: str
    digest: Digest

    @property
    def image(self) -> str:
        return f"{self.address}/lucid/rdp-monitor@{self.digest}"

    @property
    def key(self) -> Path:
        return self.folder / "cosign.key"

    @property
    def public_key(self) -> Path:
        return self.folder / "cosign.pub"

    def cosign(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COSIGN_PASSWORD": PASSWORD, "HOME": str(self.folder)}
        command = [program("cosign"), *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def cosign_verifies(self, *options: str) -> subprocess.CompletedProcess[str]:
        asked = ["--key", str(self.public_key), "--insecure-ignore-tlog=true", "--type", PREDICATE_TYPE]
        return self.cosign("verify-attestation", *asked, *options, self.image)

    def cosign_attests(self, predicate: bytes, *options: str) -> None:
        file = self.folder / "predicate.json"
        file.write_bytes(predicate)
        asked = ["--key", str(self.key), "--type", PREDICATE_TYPE, "--predicate", str(file), "--tlog-upload=false"]
        done = self.cosign("attest", "--yes", *asked, *options, self.image)
        assert done.returncode == 0, done.stderr

    def empty_root(self) -> Path:
        """A root of trust that trusts nobody."""
        path = self.folder / "root.json"
        kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        lists = dict.fromkeys(("tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"), ())
        path.write_text(json.dumps({"mediaType": kind, **lists}))
        return path

    def signed_off(self, payload: bytes | None = None) -> Path:
        """Write what a sign-off writes, signed with cosign's own key file."""
        key = PrivateKey.load(self.key)
        envelope = Envelope.sign(payload or self.statement(), key)
        folder = Folder(self.folder / "out")
        folder.prepare()
        folder.write(files.ENVELOPE, envelope.to_bytes())
        folder.write(files.BUNDLE, Bundle.of_key(envelope, key.public).data)
        folder.write(files.SBOM, SBOM)
        folder.write_document(files.DECISION, {"decision": "signed-off", "signed": True})
        return folder.path

    def statement(self) -> bytes:
        return statement(
            allowed=[STAND_IN],
            image=self.digest,
            signed=datetime.now(UTC),
            materials=[Material(files.SBOM, digest_of(SBOM))],
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("registry")
    with serving(folder) as address:
        yield folder, address


@pytest.fixture
def place(server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A small image of this test's own: nothing that another test has attached is attached to it."""
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)
    built = ImageBuilder().layer({"hello": str(tmp_path).encode()})
    with Registry(Repository(server[1], "lucid/rdp-monitor")) as registry:
        for blob in (*built.blobs, built.config):
            registry.push_blob(blob)
        digest = Digest(built.descriptor["digest"])
        registry.push_manifest(digest, built.manifest, OCI_MANIFEST)
    place = Place(tmp_path, server[1], digest)
    assert place.cosign("generate-key-pair").returncode == 0
    return place


def verified(place: Place, *options: str) -> int:
    return main(["verify", place.image, "--key", str(place.public_key), *options])


def test_cosign_verifies_what_we_attach(place: Place) -> None:
    assert place.cosign_verifies().returncode != 0

    assert main(["attach", str(place.signed_off()), place.image]) == 0

    done = place.cosign_verifies()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["payloadType"] == "application/vnd.in-toto+json"


def test_cosign_verifies_our_bundle(place: Place) -> None:
    """The form that is found as a referrer; it needs a root of trust, which for a key may be an empty one."""
    main(["attach", str(place.signed_off()), place.image])

    done = place.cosign_verifies("--new-bundle-format", "--trusted-root", str(place.empty_root()))
    assert done.returncode == 0, done.stderr
    assert "The signatures were verified against the specified public key" in done.stderr


def test_we_verify_what_we_attach(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    main(["attach", str(place.signed_off()), place.image])

    assert verified(place) == 0
    printed = capsys.readouterr().out
    assert f"verified: {place.image}" in printed
    assert "let through: bases.stand-in: not built on the upstream images - none in reach" in printed


@pytest.mark.parametrize("options", [[], ["--new-bundle-format"]], ids=["tag", "bundle"])
def test_we_verify_what_cosign_attests(options: list[str], place: Place) -> None:
    assert verified(place) == 2

    place.cosign_attests(json.dumps(json.loads(place.statement())["predicate"]).encode(), *options)

    assert verified(place) == 0


def test_cosign_attests_beside_ours_and_ours_beside_cosigns(place: Place) -> None:
    place.cosign_attests(b'{"result":"PASSED","configuration":[]}')
    main(["attach", str(place.signed_off()), place.image])
    place.cosign_attests(b'{"result":"WARNED","configuration":[]}')

    done = place.cosign_verifies()
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert verified(place) == 0


def test_neither_verifies_with_another_key(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    main(["attach", str(place.signed_off()), place.image])
    assert place.cosign("generate-key-pair", "--output-key-prefix", "other").returncode == 0
    place.public_key.write_bytes((place.folder / "other.pub").read_bytes())

    assert place.cosign_verifies().returncode != 0
    assert verified(place) == 2
    assert "signed with another key" in capsys.readouterr().err


def test_neither_verifies_an_altered_predicate(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    folder = place.signed_off()
    key = PrivateKey.load(place.key)
    signed = Envelope.sign(place.statement(), key)
    forged = Envelope(altered(signed.payload, "predicate", "warnings", to=0), signed.signatures)
    (folder / files.ENVELOPE).write_bytes(forged.to_bytes())
    (folder / files.BUNDLE).write_bytes(Bundle.of_key(forged, key.public).data)
    main(["attach", str(folder), place.image])

    assert place.cosign_verifies().returncode != 0
    assert verified(place) == 2
    assert "altered after it was signed" in capsys.readouterr().err


def test_neither_takes_the_sign_off_of_another_image(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    stolen = altered(place.statement(), "subject", 0, "digest", "sha256", to="0" * 64)
    folder = place.signed_off(stolen)
    assert main(["attach", str(folder), place.image]) == 2
    assert f"the sign-off is of sha256:{'0' * 64}" in capsys.readouterr().err

    attach_by_force(place, folder)
    assert place.cosign_verifies().returncode != 0
    assert verified(place) == 2
    assert f"the statement is about sha256:{'0' * 64}, not about {place.digest}" in capsys.readouterr().err


def attach_by_force(place: Place, folder: Path) -> None:
    """Attach without the look that our own command takes first."""
    from image_harness.signoff.referrers import attach_for_cosign  # noqa: PLC0415

    with Registry(RegistryImage.parse(place.image).repository) as registry:
        envelope = Envelope.parse((folder / files.ENVELOPE).read_bytes(), "here")
        attach_for_cosign(registry, place.digest, envelope, PREDICATE_TYPE)


def test_a_byte_altered_in_the_registrys_store_is_refused(
    place: Place, server: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place.signed_off()
    main(["attach", str(folder), place.image])
    for name in (files.BUNDLE, files.ENVELOPE):
        content = (folder / name).read_bytes()
        stored = blob_file(server[0], str(_digest(content)))
        stored.write_bytes(content.replace(b'"payload":"', b'"payload":"A', 1)[: len(content)])

    assert verified(place) == 2
    assert "the blob was altered" in capsys.readouterr().err


def test_an_altered_manifest_of_the_image_is_refused(
    place: Place, server: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["attach", str(place.signed_off()), place.image])
    stored = blob_file(server[0], str(place.digest))
    stored.write_bytes(stored.read_bytes().replace(b'"schemaVersion": 2', b'"schemaVersion":  2'))

    assert verified(place) == 2
    assert "altered" in capsys.readouterr().err


def test_a_byte_altered_in_a_layer_is_refused(
    place: Place, server: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["attach", str(place.signed_off()), place.image])
    manifest = json.loads(blob_file(server[0], str(place.digest)).read_bytes())
    stored = blob_file(server[0], manifest["layers"][0]["digest"])
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)

    assert verified(place) == 2
    assert f"the blob was altered: asked for {manifest['layers'][0]['digest']}" in capsys.readouterr().err
    assert verified(place, "--no-content") == 0


def _digest(content: bytes) -> Digest:
    from image_harness.signoff.registry import digest_of  # noqa: PLC0415

    return digest_of(content)
