from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from nacl.secret import SecretBox

from image_harness.errors import HarnessError
from image_harness.signoff.keys import PrivateKey, PublicKey

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def plain(key: PrivateKey) -> bytes:
    return key.key.private_bytes(PEM, PKCS8, serialization.NoEncryption())


def encrypted(key: PrivateKey, password: bytes) -> bytes:
    return key.key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(password))


def cosign(key: PrivateKey, password: bytes, *, cost: int = 2**14, cipher: str = "nacl/secretbox") -> bytes:
    """A key in the form of `cosign generate-key-pair`, with a cost that a test can pay."""
    der = key.key.private_bytes(serialization.Encoding.DER, PKCS8, serialization.NoEncryption())
    salt, nonce = b"s" * 32, b"n" * 24
    secret = Scrypt(salt=salt, length=32, n=min(cost, 2**14), r=8, p=1).derive(password)
    box = {
        "kdf": {"name": "scrypt", "params": {"N": cost, "r": 8, "p": 1}, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": cipher, "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(SecretBox(secret).encrypt(der, nonce).ciphertext).decode(),
    }
    body = base64.encodebytes(json.dumps(box).encode()).decode()
    label = "ENCRYPTED SIGSTORE PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode()


def public_file(key: PrivateKey, folder: Path) -> Path:
    path = folder / "cosign.pub"
    data = key.public.key.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["plain", "encrypted", "cosign"])
def test_a_private_key_is_read_in_each_form(
    form: str, key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = {"plain": plain(key), "encrypted": encrypted(key, b"secret"), "cosign": cosign(key, b"secret")}
    path = tmp_path / "key"
    path.write_bytes(forms[form])
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")

    assert PrivateKey.load(path).public.key_id == key.public.key_id


@pytest.mark.parametrize("form", ["encrypted", "cosign"])
def test_a_password_may_be_of_any_bytes(
    form: str, key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = b"caf\xe9"
    path = tmp_path / "key"
    path.write_bytes(encrypted(key, password) if form == "encrypted" else cosign(key, password))
    monkeypatch.setenv("COSIGN_PASSWORD", os.fsdecode(password))

    assert PrivateKey.load(path).public.key_id == key.public.key_id


@pytest.mark.parametrize("form", ["encrypted", "cosign"])
@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_wrong_or_missing_password_is_told_in_one_line(
    form: str, password: str | None, key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_bytes(encrypted(key, b"secret") if form == "encrypted" else cosign(key, b"secret"))
    if password is not None:
        monkeypatch.setenv("IMAGE_HARNESS_KEY_PASSWORD", password)

    with pytest.raises(HarnessError, match=r"password|encrypted") as caught:
        PrivateKey.load(path)
    assert "secret" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_key_that_would_fill_the_memory_is_refused(
    key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_bytes(cosign(key, b"secret", cost=2**30))
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")

    with pytest.raises(HarnessError, match="not a private key"):
        PrivateKey.load(path)


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_told_in_one_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)

    with pytest.raises(HarnessError, match="not a private key"):
        PrivateKey.load(path)
    with pytest.raises(HarnessError, match="this is a private key" if b"PRIVATE" in data else "not a public key"):
        PublicKey.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"none: cannot read the key: No such file"):
        PrivateKey.load(tmp_path / "none")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for other in (rsa_key, ec.generate_private_key(ec.SECP384R1())):
        path.write_bytes(other.private_bytes(PEM, PKCS8, serialization.NoEncryption()))
        with pytest.raises(HarnessError, match="not one of ECDSA P-256"):
            PrivateKey.load(path)


def test_a_signature_is_of_one_message_and_one_key(key: PrivateKey, other_key: PrivateKey, tmp_path: Path) -> None:
    signature, public = key.sign(b"message"), PublicKey.load(public_file(key, tmp_path))

    public.verify(signature, b"message")
    for verifier, signed, message in (
        (public, signature, b"massage"),
        (other_key.public, signature, b"message"),
        (public, signature[:-1], b"message"),
        (public, b"", b"message"),
    ):
        with pytest.raises(InvalidSignature):
            verifier.verify(signed, message)
