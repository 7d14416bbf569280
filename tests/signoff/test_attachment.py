from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image_harness.errors import HarnessError
from image_harness.signoff import files, verification
from image_harness.signoff.attachment import attach_sign_off
from image_harness.signoff.bundle import Bundle
from image_harness.signoff.envelope import MEDIA_TYPE, PAYLOAD_TYPE, Envelope
from image_harness.signoff.errors import NotVerifiedError
from image_harness.signoff.files import Folder
from image_harness.signoff.keys import PrivateKey
from image_harness.signoff.referrers import attach
from image_harness.signoff.registry import OCI_INDEX, OCI_MANIFEST, Document, Registry, digest_of
from image_harness.signoff.statement import Material
from image_harness.signoff.verification import Question, ask
from image_harness.signoff.verify import Verified
from image_harness.types import Digest
from tests.signoff.fake_registry import FakeRegistry
from tests.signoff.made import statement
from tests.signoff.test_keys import public_file

CONFIG, LAYER = b'{"os":"linux"}', b"a layer"
SBOM = b'{"bomFormat":"CycloneDX"}'
SIGNED_FOR = [Material(files.SBOM, digest_of(SBOM))]
Ask = Callable[..., Verified]


def described(content: bytes) -> dict[str, object]:
    return {"digest": str(digest_of(content)), "size": len(content)}


MANIFEST = json.dumps({"schemaVersion": 2, "config": described(CONFIG), "layers": [described(LAYER)]}).encode()
IMAGE = digest_of(MANIFEST)


@pytest.fixture
def image(registry: Registry) -> Digest:
    """An image in the registry."""
    for blob in (CONFIG, LAYER):
        registry.push_blob(blob)
    registry.push_manifest(IMAGE, MANIFEST, OCI_MANIFEST)
    return IMAGE


def written(path: Path, key: PrivateKey, payload: bytes) -> Folder:
    folder = Folder(path)
    folder.prepare()
    envelope = Envelope.sign(payload, key)
    folder.write(files.ENVELOPE, envelope.to_bytes())
    folder.write(files.BUNDLE, Bundle.of_key(envelope, key.public).data)
    folder.write(files.SBOM, SBOM)
    folder.write_document(files.DECISION, {"decision": "signed-off", "signed": True})
    return folder


@pytest.fixture
def folder(key: PrivateKey, tmp_path: Path) -> Folder:
    return written(tmp_path / "out", key, statement(image=IMAGE, signed=datetime.now(UTC), materials=SIGNED_FOR))


@pytest.fixture
def asked(fake: FakeRegistry, key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask whether an image is signed off, as `verify` does."""
    monkeypatch.setattr(verification, "Registry", lambda repository: Registry(repository, fake.transport()))
    public_key = public_file(key, tmp_path)

    def start(digest: Digest, *, content: bool = True) -> Verified:
        image = f"127.0.0.1:5000/lucid/rdp-monitor@{digest}"
        question = Question(image, (public_key,), (), None, None, content)
        return ask(question, now=datetime.now(UTC), say=lambda _: None)

    return start


def test_what_is_attached_is_verified(registry: Registry, image: Digest, folder: Folder, asked: Ask) -> None:
    with pytest.raises(NotVerifiedError, match="no sign-off is attached to it"):
        asked(image)

    attached = attach_sign_off(registry, image, folder)

    assert [line.partition(":")[0] for line in attached] == [files.BUNDLE, files.ENVELOPE, files.SBOM]
    assert asked(image).claims.is_about(image)


def test_what_a_stranger_has_attached_does_not_hide_a_sign_off(
    registry: Registry, image: Digest, folder: Folder, asked: Ask
) -> None:
    damaged = json.dumps({"payloadType": PAYLOAD_TYPE, "payload": "é", "signatures": []}).encode()
    attach(registry, Document(MANIFEST, OCI_MANIFEST, image), damaged, MEDIA_TYPE, {})
    attach_sign_off(registry, image, folder)

    assert asked(image).claims.is_about(image)


def test_an_index_stands_for_its_image(registry: Registry, image: Digest, folder: Folder, asked: Ask) -> None:
    entry = {**described(MANIFEST), "platform": {"os": "linux", "architecture": "arm64"}}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    registry.push_manifest(digest_of(index), index, OCI_INDEX)

    attach_sign_off(registry, digest_of(index), folder)

    assert asked(digest_of(index)).claims.is_about(image)
    assert asked(image).claims.is_about(image)


def test_the_sign_off_of_another_image_is_not_attached(
    registry: Registry, image: Digest, key: PrivateKey, tmp_path: Path, fake: FakeRegistry
) -> None:
    other = written(tmp_path / "other", key, statement(image=digest_of(b"another"), materials=SIGNED_FOR))
    before = dict(fake.manifests)

    with pytest.raises(HarnessError, match=r"the image there is .*; push the image that was signed off"):
        attach_sign_off(registry, image, other)
    assert fake.manifests == before


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"decision": "refused", "signed": False}, "the image was refused"),
        ({"decision": "signed-off", "signed": False}, "the statement is not signed"),
    ],
)
def test_what_was_not_signed_off_is_not_attached(
    registry: Registry, image: Digest, folder: Folder, decision: dict[str, object], words: str
) -> None:
    folder.write_document(files.DECISION, decision)

    with pytest.raises(HarnessError, match=f"nothing to attach: {words}; run image-harness sign-off --key"):
        attach_sign_off(registry, image, folder)


@pytest.mark.parametrize("materials", [SIGNED_FOR, []])
def test_another_bill_of_materials_than_the_signed_one_is_not_attached(
    materials: list[Material], registry: Registry, image: Digest, key: PrivateKey, tmp_path: Path, fake: FakeRegistry
) -> None:
    folder = written(tmp_path / "out", key, statement(image=IMAGE, materials=materials))
    folder.write(files.SBOM, b'{"bomFormat":"SPDX"}')
    before = dict(fake.manifests)

    with pytest.raises(HarnessError, match=r"sbom\.cdx\.json: the file was altered: the statement names"):
        attach_sign_off(registry, image, folder)
    assert fake.manifests == before


def test_without_a_bill_of_materials_nothing_is_attached(
    registry: Registry, image: Digest, folder: Folder, fake: FakeRegistry
) -> None:
    (folder.path / files.SBOM).unlink()
    before = dict(fake.manifests)

    with pytest.raises(HarnessError, match=r"sbom\.cdx\.json: cannot be read"):
        attach_sign_off(registry, image, folder)
    assert fake.manifests == before


@pytest.mark.parametrize("blob", [CONFIG, LAYER])
def test_every_byte_of_the_image_is_read(
    blob: bytes, registry: Registry, image: Digest, folder: Folder, asked: Ask, fake: FakeRegistry
) -> None:
    attach_sign_off(registry, image, folder)
    fake.blobs[str(digest_of(blob))] = blob + b" "

    with pytest.raises(NotVerifiedError, match=f"the blob was altered: asked for {digest_of(blob)}"):
        asked(image)
    assert asked(image, content=False)


def test_a_keyless_sign_off_is_attached_as_a_bundle_alone(
    registry: Registry, image: Digest, folder: Folder, fake: FakeRegistry
) -> None:
    document = json.loads(folder.read(files.BUNDLE))
    document["verificationMaterial"] = {"certificate": {"rawBytes": ""}}
    folder.write_document(files.BUNDLE, document)

    attached = attach_sign_off(registry, image, folder)

    assert [line.partition(":")[0] for line in attached] == [files.BUNDLE, files.SBOM]
    assert not [tag for tag in fake.manifests if tag.endswith(".att")]
