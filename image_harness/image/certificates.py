"""CA certificates of an image: a PEM bundle, RFC 7468."""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.utils import CryptographyDeprecationWarning

from image_harness.image.errors import ImageError, printable
from image_harness.image.filesystem import FileSystem
from image_harness.image.limits import MIB

BUNDLE: Final = "/etc/ssl/certs/ca-certificates.crt"
_BUNDLE_BYTES: Final = 16 * MIB
_BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(?:(?!-----BEGIN ).)*?-----END CERTIFICATE-----", re.DOTALL)
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"
_DAMAGE: Final = (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate.

    Attributes:
        subject: Whom it names, as RFC 4514 writes it.
        issuer: Who vouches for it.
        not_before: The moment that it begins to hold (UTC).
        not_after: The last moment that it holds (UTC).
        fingerprint: The SHA-256 digest of the certificate, in hex.
        is_ca: Whether it may sign others; False also where it does not say.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    is_ca: bool

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is neither expired nor early at a moment."""
        return self.not_before <= moment <= self.not_after


def ca_certificates(fs: FileSystem, path: str = BUNDLE) -> tuple[Certificate, ...]:
    """Return the certificates of a bundle, in its order.

    Raises:
        ImageError: The file is not there, or one of the certificates cannot be parsed.
    """
    found, damaged = _read(fs, path)
    if damaged:
        raise ImageError(f"{damaged[0]} ({len(damaged)} such)", where=printable(path))
    return found


def damaged_certificates(fs: FileSystem, path: str = BUNDLE) -> tuple[str, ...]:
    """Return what is wrong with each certificate of a bundle that cannot be parsed.

    Raises:
        ImageError: The file is not there.
    """
    return _read(fs, path)[1]


def _read(fs: FileSystem, path: str) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    return fs.once(path, "certificates", lambda: _parse(fs.read_bytes(path, limit=_BUNDLE_BYTES)))


def _parse(data: bytes) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    found = []
    damaged = []
    blocks = _BLOCK.findall(data)
    for number, block in enumerate(blocks, start=1):
        try:
            found.append(_certificate(block))
        except _DAMAGE as error:
            damaged.append(f"certificate {number} cannot be parsed: {printable(str(error))}")
    for word, mark in (("begin and do not end", _BEGIN), ("end and do not begin", _END)):
        unpaired = data.count(mark) - len(blocks)
        if unpaired:
            damaged.append(f"{unpaired} certificates {word}")
    return tuple(found), tuple(damaged)


@functools.lru_cache(maxsize=1024)  # the same certificates are in many bundles
def _certificate(block: bytes) -> Certificate:
    with warnings.catch_warnings():
        # Roots of the 1990s break rules that were made later, a serial number of 0 for one; that is no damage.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificate = x509.load_pem_x509_certificate(block)
        try:
            is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            is_ca = False
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        is_ca=is_ca,
    )
