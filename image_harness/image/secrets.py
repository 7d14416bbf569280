"""Secrets that were left in an image: in names and values, in steps of the history, in files."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from image_harness.image.entries import Entry
from image_harness.image.filesystem import FileSystem
from image_harness.image.limits import MIB

_NAME: Final = re.compile(
    r"(?i)passw(or)?d|passphrase|(^|_)pass(_|$)|_pwd$|secret|token|(api|access|private)_?key|credential"
)
_VALUE: Final = re.compile(
    r"(?i)-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@"
    r"|A[KS]IA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{22}|glpat-[\w-]{20}"
)
#: A variable at the beginning of a word, with a value of its own: what a shell fills in later is none.
_ASSIGNMENT: Final = re.compile(r"(?:^|[\s;&|(])(?P<name>[A-Za-z_]\w*)=[\"']?[^\s\"'$`;&|)]")
_WITHOUT_EFFECT: Final = "/bin/sh -c #(nop) "
_PROGRAM: Final = " -c "

_FILES: Final = frozenset(
    {
        ".env", ".netrc", ".pypirc", ".npmrc", ".git-credentials", ".dockercfg", ".pgpass", "pip.conf",
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
    }
)  # fmt: skip
_PATHS: Final = ("/.docker/config.json", "/.aws/credentials", "/.kube/config")
_KEY_STORES: Final = (".p12", ".pfx", ".jks", ".keystore", ".ppk", ".kdbx")
_BINARY_KEYS: Final = (".der", ".key", ".p8", ".pk8")
_KEY_BYTES: Final = MIB
#: A whole first line and base64 after it, so that texts and programs which only speak of keys are none; line ends may
#: be written as in JSON.
_KEY: Final = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[ \t]*(?P<end>\r?\n|\\n)"
    rb"(?:[\w-]+: [^\r\n\\]*(?P=end)|(?P=end))*[ \t]*[0-9A-Za-z+/]+={0,2}[ \t]*(?P=end)"
)


def is_secret_name(name: str) -> bool:
    """Whether a variable is named like one that holds a secret."""
    return _NAME.search(name) is not None


def shows_secret(text: str) -> bool:
    """Whether a text holds what has the form of a secret: a key, a token, a password in a URL."""
    return _VALUE.search(text) is not None


def secrets_of_step(step: str) -> list[str]:
    """Return the variables named like secrets that a step of the history gives a value.

    In a program, only names in capitals count: others may be arguments by name in any language.
    """
    head, _, program = step.replace(_WITHOUT_EFFECT, "").partition(_PROGRAM)
    named = [match["name"] for match in _ASSIGNMENT.finditer(head)]
    named += [match["name"] for match in _ASSIGNMENT.finditer(program) if match["name"].isupper()]
    return [name for name in named if is_secret_name(name)]


def is_secret_file(path: str) -> bool:
    """Whether a file is named like one that holds a secret."""
    path = path.lower()
    return path.rpartition("/")[2] in _FILES or path.endswith((*_PATHS, *_KEY_STORES))


def secret_files(fs: FileSystem) -> tuple[Entry, ...]:
    """Return the files of all layers that are named like ones that hold a secret.

    Raises:
        ImageError: The image cannot be read.
    """
    return fs.once_of_all(
        secret_files.__name__, lambda: tuple(entry for entry in all_files(fs) if is_secret_file(entry.path))
    )


def private_keys(fs: FileSystem) -> tuple[Entry, ...]:
    """Return the files that hold a private key, those of lower layers included: whoever has the image has these, too.

    Raises:
        ImageError: One cannot be read.
    """
    return fs.once_of_all(
        private_keys.__name__, lambda: tuple(entry for entry in all_files(fs) if holds_private_key(fs, entry))
    )


def all_files(fs: FileSystem) -> Iterator[Entry]:
    """Yield the files of all layers: what is there, what was deleted, and what was overwritten."""
    deleted = (lost.entry for lost in fs.deleted)
    overwritten = (lost.entry for lost in fs.overwritten)
    return (entry for entry in itertools.chain(fs.walk(), deleted, overwritten) if entry.is_file)


def holds_private_key(fs: FileSystem, entry: Entry) -> bool:
    """Whether a file holds a private key: in PEM under any name, in DER where the name says so.

    Raises:
        ImageError: It cannot be read.
    """
    if not 0 < entry.size <= _KEY_BYTES:
        return False
    may_be_der = entry.path.lower().endswith(_BINARY_KEYS)
    return fs.once(entry, ("private key", may_be_der), lambda: _is_key(fs.read_bytes(entry), may_be_der=may_be_der))


def _is_key(data: bytes, *, may_be_der: bool) -> bool:
    return (b"PRIVATE KEY" in data and _KEY.search(data) is not None) or (may_be_der and _is_der_key(data))


def _is_der_key(data: bytes) -> bool:
    # Hardly any image has a file of such a name, and importing this takes longer than looking at all others.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415

    try:
        load_der_private_key(data, None)
    except TypeError:  # it wants a password
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
