"""A CA bundle tells how many certificates it holds, for how long, and which are damaged."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from image_harness.image import FileSystem, ImageError
from image_harness.image.certificates import BUNDLE, ca_certificates, damaged_certificates
from tests.image.builder import Open

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)


def _bundle(open_layers: Open, content: bytes) -> FileSystem:
    return open_layers({BUNDLE.lstrip("/"): content})


def _certificate(name: str, *, is_ca: bool | None = True) -> bytes:
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), BEGIN, END)
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_certificates_are_read_in_order_with_text_between_them(open_layers: Open) -> None:
    bundle = (
        b"# one\n"
        + _certificate("One")
        + b"\nTwo\n===\n"
        + _certificate("Two", is_ca=None)
        + _certificate("Three", is_ca=False)
    )
    found = ca_certificates(_bundle(open_layers, bundle))
    assert [(item.subject, item.is_ca) for item in found] == [("CN=One", True), ("CN=Two", False), ("CN=Three", False)]
    assert (found[0].not_before, found[0].not_after, found[0].issuer) == (BEGIN, END, "CN=One")
    assert len({item.fingerprint for item in found}) == 3


def test_a_certificate_holds_from_its_first_to_its_last_moment(open_layers: Open) -> None:
    (found,) = ca_certificates(_bundle(open_layers, _certificate("One")))
    second = timedelta(seconds=1)
    assert [found.holds_at(moment) for moment in (BEGIN - second, BEGIN, END, END + second)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_damaged_certificate_is_an_error_and_can_be_asked_for(open_layers: Open) -> None:
    lines = _certificate("Bad").splitlines(keepends=True)
    lines[2] = b"A" * 64 + b"\n"
    fs = _bundle(open_layers, _certificate("Good") + b"".join(lines))
    assert [text.partition(":")[0] for text in damaged_certificates(fs)] == ["certificate 2 cannot be parsed"]
    with pytest.raises(ImageError, match=r"ca-certificates.crt: certificate 2 cannot be parsed: .*\(1 such\)"):
        ca_certificates(fs)


def test_a_certificate_of_a_version_that_does_not_exist_is_damage(open_layers: Open) -> None:
    der = x509.load_pem_x509_certificate(_certificate("Good")).public_bytes(Encoding.DER)
    changed = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(changed) + b"-----END CERTIFICATE-----\n"
    assert damaged_certificates(_bundle(open_layers, pem)) == (
        "certificate 1 cannot be parsed: 5 is not a valid X509 version",
    )


def test_a_certificate_that_is_cut_off_is_damage(open_layers: Open) -> None:
    fs = _bundle(open_layers, _certificate("Cut")[:200] + b"\n" + _certificate("Good"))
    assert damaged_certificates(fs) == ("1 certificates begin and do not end",)
    fs = _bundle(open_layers, _certificate("Good") + _certificate("Cut")[200:])
    assert damaged_certificates(fs) == ("1 certificates end and do not begin",)


def test_an_empty_bundle_holds_no_certificate_and_a_missing_one_is_an_error(open_layers: Open) -> None:
    assert ca_certificates(_bundle(open_layers, b"")) == ()
    with pytest.raises(ImageError, match=r"/etc/other.crt: does not exist"):
        ca_certificates(_bundle(open_layers, b""), "/etc/other.crt")
