"""Secrets are found where they are left; what only speaks of them is none."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from image_harness.image.secrets import (
    all_files,
    holds_private_key,
    is_secret_file,
    is_secret_name,
    private_keys,
    secret_files,
    secrets_of_step,
    shows_secret,
)
from tests.image.builder import Node, Open, entry_at, symlink

KEY = ec.generate_private_key(ec.SECP256R1())


def _private(encoding: Encoding, encryption: KeySerializationEncryption | None = None) -> bytes:
    return KEY.private_bytes(encoding, PrivateFormat.PKCS8, encryption or NoEncryption())


PEM = _private(Encoding.PEM)
LOCKED = BestAvailableEncryption(b"word")


@pytest.mark.parametrize("name", ["DB_PASS", "PASS", "db_pwd", "API_TOKEN", "accessKey", "Passphrase", "MY_SECRET_1"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["BYPASS", "PASSENGERS", "PWD", "OLDPWD", "KEYBOARD", "COMPASS_PORT", "PATH"])
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "REDIS_URL=redis://:hunter2@redis:6379/0",
        "U=postgres://me:word@db/x",
        f"T=glpat-{'a' * 20}",
        f"T=github_pat_{'1A' * 11}_x",
        f"T=ghp_{'a' * 36}",
        "K=ASIAABCDEFGHIJKLMNOP",
    ],
)
def test_values_in_the_form_of_secrets(text: str) -> None:
    assert shows_secret(text)


@pytest.mark.parametrize("text", ["redis://redis:6379/0", "http://[::1]:80/a@b", "mailto:a@b", "git@github.com:a/b"])
def test_values_that_only_look_like_it(text: str) -> None:
    assert not shows_secret(text)


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ("RUN |1 DB_PASSWORD=hunter2 /bin/sh -c make # buildkit", ["DB_PASSWORD"]),
        ("RUN |2 A=1 api_token=x /usr/bin/python3 -c pass", ["api_token"]),
        ("|1 DB_PASS=x /bin/sh -c make", ["DB_PASS"]),
        ("ARG API_TOKEN=word", ["API_TOKEN"]),
        ("/bin/sh -c #(nop)  ARG api_token=word", ["api_token"]),
        ("ENV A=1 B_SECRET='x y'", ["B_SECRET"]),
        ("RUN /bin/sh -c true && API_TOKEN=word make", ["API_TOKEN"]),
        ("ARG API_TOKEN", []),
        ("ENV API_TOKEN=", []),
        ("RUN --mount=type=secret,id=token /bin/sh -c API_TOKEN=$(cat /run/secrets/token) make", []),
        ('RUN /bin/sh -c API_TOKEN="$(cat /run/secrets/token)" make', []),
        ("RUN |1 VERSION=1 /usr/bin/python3 -c login(user, password=None, token=read())", []),
    ],
)
def test_secrets_that_a_step_of_the_history_names(step: str, names: list[str]) -> None:
    assert secrets_of_step(step) == names


@pytest.mark.parametrize(
    "path", ["/root/.aws/credentials", "/root/.docker/config.json", "/a/.ENV", "/a/ID_DSA", "/a/x.P12", "/x.pfx"]
)
def test_files_named_like_secrets(path: str) -> None:
    assert is_secret_file(path)


@pytest.mark.parametrize(
    "path", ["/app/config.json", "/a/environment", "/x.env.example", "/id_rsa.pub", "/credentials"]
)
def test_files_named_nearly_so(path: str) -> None:
    assert not is_secret_file(path)


def _name_alone(value: object) -> str:
    """Keys are others in every process, and tests are known by their names."""
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"our key:\n" + PEM),
        ("server.PEM", PEM.replace(b"\n", b"\r\n")),
        ("account.json", b'{"private_key": "' + PEM.replace(b"\n", b"\\n") + b'"}'),
        ("key.py", b'KEY = """' + PEM + b'"""\n'),
        ("old", PEM.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES,1\n\n", 1)),
        ("locked", _private(Encoding.PEM, LOCKED)),
        ("server.KEY", _private(Encoding.DER)),
        ("server.der", _private(Encoding.DER, LOCKED)),
    ],
    ids=_name_alone,
)
def test_private_keys(open_layers: Open, name: str, content: bytes) -> None:
    fs = open_layers({name: content})
    assert holds_private_key(fs, entry_at(fs, f"/{name}"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("public.pem", KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
        ("public.der", KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        ("guide.md", b"It begins with\n-----BEGIN PRIVATE KEY-----\nMIIE...\n-----END PRIVATE KEY-----\n"),
        ("check.py", b'if text.startswith("-----BEGIN RSA PRIVATE KEY-----"):\n    pass\n'),
        ("lib.so", b"\x7fELF\0-----BEGIN RSA PRIVATE KEY-----\0-----END RSA PRIVATE KEY-----\0"),
        ("empty.key", b""),
        ("large", PEM + b" " * 1024 * 1024),
    ],
    ids=_name_alone,
)
def test_files_that_hold_none(open_layers: Open, name: str, content: bytes) -> None:
    fs = open_layers({name: content})
    assert not holds_private_key(fs, entry_at(fs, f"/{name}"))


def test_keys_are_found_quickly_in_what_was_made_to_be_slow(open_layers: Open) -> None:
    begin = b"-----BEGIN PRIVATE KEY-----\n"
    fs = open_layers({"a": (begin + b"A: b\n" * 9 + b"\n" * 9) * 10_000, "b": begin + b"A" * 1_000_000})
    assert not holds_private_key(fs, entry_at(fs, "/a"))
    assert not holds_private_key(fs, entry_at(fs, "/b"))


def test_files_of_all_layers_are_looked_at(open_layers: Open) -> None:
    """Whoever has the image has what a later layer deletes or overwrites."""
    lower = {name: Node(PEM) for name in ("gone", "other", "there")}
    plain = Node(b"plain")
    lower |= {"id_rsa": plain, "old/.netrc": plain, "link.pem": symlink("gone")}
    fs = open_layers(lower, {".wh.gone": Node(), "other": plain, "old/.wh..netrc": Node(), "id_rsa": plain})
    assert sorted(entry.path for entry in private_keys(fs)) == ["/gone", "/other", "/there"]
    assert sorted(entry.path for entry in secret_files(fs)) == ["/id_rsa", "/id_rsa", "/old/.netrc"]
    assert sorted(entry.path for entry in all_files(fs)) == [
        *("/gone", "/id_rsa", "/id_rsa", "/old/.netrc", "/other", "/other", "/there")
    ]
