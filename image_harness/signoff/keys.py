"""ECDSA P-256 keys as PEM: plain or encrypted PKCS #8, and the form that ``cosign generate-key-pair`` writes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from image_harness.errors import HarnessError

#: Where a private key's password is read from; the second is what cosign reads.
PASSWORD_VARIABLES: Final = ("IMAGE_HARNESS_KEY_PASSWORD", "COSIGN_PASSWORD")
_COSIGN_LABELS: Final = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())
#: cosign uses 2**15 or 2**16; more than this is no key but an attempt to fill the memory.
_MAX_SCRYPT_N: Final = 2**20
_KEY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What signatures are verified with."""

    key: ec.EllipticCurvePublicKey

    @classmethod
    def load(cls, path: Path) -> PublicKey:
        """Read a PEM file such as ``cosign.pub``.

        Raises:
            HarnessError: It cannot be read or holds no such key.
        """
        data = _read(path)
        if b"PRIVATE KEY" in data:
            raise HarnessError("this is a private key", where=str(path), fix="name the public one (cosign.pub)")
        try:
            key = serialization.load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            raise HarnessError("not a public key in PEM form", where=str(path), fix="name cosign.pub") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise _wrong_curve(path)
        return cls(key)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the key as SubjectPublicKeyInfo in DER."""
        der = self.key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).digest()

    @property
    def key_id(self) -> str:
        """What an envelope calls the key: its fingerprint as ``ssh-keygen -l`` prints it.

        That is how the DSSE library of cosign names keys, and a signature under any other name is none to it.
        """
        line = self.key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature.

        Raises:
            InvalidSignature: It is not one of this message with this key.
        """
        self.key.verify(signature, message, _ALGORITHM)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """What statements are signed with."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def load(cls, path: Path) -> PrivateKey:
        """Read a PEM file such as ``cosign.key``; its password is in one of ``PASSWORD_VARIABLES``.

        Raises:
            HarnessError: It cannot be read, holds no such key, or the password is missing or wrong.
        """
        data, password = _read(path), _password()
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            raise HarnessError("not a private key in PEM form", where=str(path), fix="name cosign.key") from None
        der = next((_pem_body(text, label) for label in _COSIGN_LABELS if f"BEGIN {label}" in text), None)
        try:
            if der is not None:
                key = serialization.load_der_private_key(_decrypt(der, password, path), None)
            else:
                key = serialization.load_pem_private_key(data, password if b"ENCRYPTED" in data else None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            fix = f"name a private key in PEM form, its password in {PASSWORD_VARIABLES[0]}"
            raise HarnessError("not a private key, or another password", where=str(path), fix=fix) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise _wrong_curve(path)
        return cls(key)

    @property
    def public(self) -> PublicKey:
        """Its other half."""
        return PublicKey(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Sign a message: DER-encoded ECDSA over its SHA-256."""
        return self.key.sign(message, _ALGORITHM)


def _password() -> bytes | None:
    value = next((os.environ[name] for name in PASSWORD_VARIABLES if name in os.environ), None)
    # The very bytes that were set, as cosign takes them: they need not be UTF-8.
    return None if value is None else os.fsencode(value)


def _pem_body(text: str, label: str) -> bytes:
    body = text.partition(f"-----BEGIN {label}-----")[2].partition(f"-----END {label}-----")[0]
    return base64.b64decode("".join(body.split()))


def _decrypt(data: bytes, password: bytes | None, path: Path) -> bytes:
    """Open cosign's box: scrypt makes the key, NaCl's secretbox holds PKCS #8.

    Raises:
        HarnessError: The password is missing or wrong.
        ValueError: It is no such box.
    """
    if password is None:
        raise HarnessError("the key is encrypted", where=str(path), fix=f"set {' or '.join(PASSWORD_VARIABLES)}")
    try:
        box = json.loads(data)
        derivation, cipher = box["kdf"], box["cipher"]
        if (derivation["name"], cipher["name"]) != ("scrypt", "nacl/secretbox"):
            raise ValueError("unknown algorithm")
        cost = derivation["params"]
        if cost["N"] > _MAX_SCRYPT_N or cost["r"] != 8 or cost["p"] != 1:
            raise ValueError("unknown cost")
        salt, nonce = base64.b64decode(derivation["salt"]), base64.b64decode(cipher["nonce"])
        secret = Scrypt(salt=salt, length=SecretBox.KEY_SIZE, n=cost["N"], r=cost["r"], p=cost["p"]).derive(password)
        return SecretBox(secret).decrypt(base64.b64decode(box["ciphertext"]), nonce)
    except CryptoError:
        raise HarnessError("the password does not open the key", where=str(path)) from None
    except KeyError as error:
        raise ValueError(f"{error} is missing") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_KEY_BYTES)
    except OSError as error:
        raise HarnessError(f"cannot read the key: {error.strerror}", where=str(path)) from None


def _wrong_curve(path: Path) -> HarnessError:
    return HarnessError("the key is not one of ECDSA P-256", where=str(path), fix="make one: cosign generate-key-pair")
