"""The CA bundle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from image_harness.mutants import Good, Mutant, mutant
from image_harness.mutants.changes import (
    add,
    attributes,
    content,
    remove,
    together,
)

BEGIN = b"-----BEGIN CERTIFICATE-----"


def mutants(good: Good) -> Iterator[Mutant]:
    """One defect each."""
    yield from _certificates(good)


def _certificates(good: Good) -> Iterator[Mutant]:
    path = good.design.certificates.path
    data = good.image.filesystem.read_bytes(path)
    blocks = [BEGIN + block for block in data.split(BEGIN)[1:]]
    folder = path.rpartition("/")[0]
    least = good.design.certificates.at_least
    present, parse, expired, owner = (f"certificates.{name}" for name in ("present", "parse", "not-expired", "owner"))
    yield mutant("certificates.absent", "no CA bundle", [present, owner], remove(path), follows=[parse, expired])
    yield mutant("certificates.empty", "the CA bundle is empty", [present, parse, expired], content(path, ""))
    yield mutant(
        "certificates.text",
        "the CA bundle holds no certificate",
        present,
        content(path, "certificates\n"),
        follows=[parse, expired],
    )
    yield mutant(
        "certificates.directory",
        "the CA bundle is a folder",
        present,
        together(remove(path), add(f"{path}/x", "x")),
        follows=[parse, expired],
    )
    yield mutant(
        "certificates.too-few", f"{least - 1} certificates", parse, content(path, b"".join(blocks[: least - 1]))
    )
    yield mutant(
        "certificates.cut", "the last certificate is cut off", parse, content(path, data[:-100]), blinds=expired
    )
    first = blocks[0]
    wrong = {
        "body": first[:40] + b"!!!!" + first[44:],
        "begin": first.replace(b"BEGIN", b"BEGINN"),
        "end": first.replace(b"END", b"EDN"),
        "bytes": first[:200] + first[204:],
    }
    for miss, block in wrong.items():
        change = content(path, block + b"".join(blocks[1:]))
        yield mutant(
            f"certificates.damaged.{miss}", f"one certificate is damaged: {miss}", parse, change, blinds=expired
        )
    many = len(blocks) // 19 + 1
    old = b"".join(_certificate(2000, serial) for serial in range(1, many + 1))
    yield mutant("certificates.expired", f"{many} certificates have expired", expired, content(path, data + old))
    yield mutant(
        "certificates.diluted",
        f"{many} certificates have expired, and the others are there many times",
        expired,
        content(path, data * 20 + old),
    )
    yield mutant("certificates.one", f"one certificate {least} times", parse, content(path, first * least))
    now = datetime.now(UTC).year
    yield mutant(
        "certificates.leaf", "a server's certificate", parse, content(path, data + _certificate(now, is_ca=False))
    )
    key = b"-----BEGIN PRIVATE KEY-----\nMHc=\n-----END PRIVATE KEY-----\n"
    yield mutant(
        "certificates.key",
        "the CA bundle holds a private key",
        parse,
        content(path, data + key),
        follows="security.no-secret-files",
    )
    yield mutant("certificates.closed", f"{folder} is closed", owner, attributes(folder, mode=0o700))
    for miss, values in {"uid": {"uid": 65532}, "group-writes": {"mode": 0o775}}.items():
        for place in (folder, folder.rpartition("/")[0]):
            change = attributes(place, **values)
            yield mutant(f"certificates.folder.{miss}.{place.rpartition('/')[2]}", f"{place}: {values}", owner, change)
    for miss, values in {
        "uid": {"uid": 65532},
        "gid": {"gid": 65532},
        "group-writes": {"mode": 0o664},
        "others-write": {"mode": 0o646},
        "root-reads": {"mode": 0o600},
        "group-reads": {"mode": 0o640},
    }.items():
        yield mutant(
            f"certificates.owner.{miss}",
            f"the CA bundle: {values}",
            owner,
            attributes(path, **values),
            follows=["security.no-world-writable"] * (miss == "others-write"),
        )


def _certificate(year: int, serial: int = 1, *, is_ca: bool = True) -> bytes:
    """Return a certificate that holds for ten years."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another")])
    begin = datetime(year, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, begin, begin + timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
